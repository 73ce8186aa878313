"""The language server: what the compiler knows, in an editor, as one types. `server.py` alone knows the protocol."""
