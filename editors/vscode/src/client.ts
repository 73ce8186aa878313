/** The language server: started once, asked for the graph's page. */

import * as vscode from "vscode";
import { type Executable, LanguageClient, type LanguageClientOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

const settings = () => vscode.workspace.getConfiguration("edgraph");

function selector(): { language: string; pattern: string }[] {
  return settings().get<string[]>("files", []).map((pattern) => ({ language: "yaml", pattern }));
}

export function isPipeline(document: vscode.TextDocument): boolean {
  return vscode.languages.match(selector(), document) > 0;
}

function command(): Executable {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  const [program = "edgraph", ...args] = settings()
    .get<string[]>("command", [])
    .map((part) => part.replaceAll("${workspaceFolder}", folder));
  return { command: program, args, options: folder ? { cwd: folder } : {} };
}

export async function start(): Promise<void> {
  const options: LanguageClientOptions = {
    documentSelector: selector(),
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.{yaml,yml}") },
  };
  const program = command();
  client = new LanguageClient("edgraph", "edgraph", program, options);
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    await explain(program.command, error);
  }
}

/** Why there is no language server, and what to do. */
async function explain(program: string, error: unknown): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  const settingsButton = "Open Settings";
  const chosen = await vscode.window.showErrorMessage(
    `edgraph: '${program}' did not start (${reason}). Install it with pip install "edgraph[lsp]", or name it in the ` +
      "setting edgraph.command.",
    settingsButton,
  );
  if (chosen === settingsButton) await vscode.commands.executeCommand("workbench.action.openSettings", "edgraph.command");
}

export async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.stop();
}

/** The page of a pipeline's newest version without errors; undefined: there is none, or no server. */
export async function page(document: vscode.TextDocument): Promise<string | undefined> {
  const html = await client?.sendRequest<string | null>("edgraph/page", { textDocument: { uri: document.uri.toString() } });
  return html ?? undefined;
}
