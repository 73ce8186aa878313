"""Models, sub-modules and parameters by the paths that pipelines use: `vq.decoder.last.weight`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from edgraph.backends.found import entry_of, listed, sharing, wrong
from edgraph.text.source import Span
from edgraph.text.suggest import did_you_mean


def module_at(models: Mapping[str, nn.Module], path: str, span: Span | None = None) -> nn.Module:
    """A model or a sub-module of one. Raises PipelineError."""
    name, *rest = path.split(".")
    found, seen = entry_of(models, name, "model", span), name
    for part in rest:
        child = found._modules.get(part) if isinstance(found, nn.Module) else None
        if child is None:
            names = [n for n, _ in found.named_children()]
            raise wrong("unknown-model", f"model '{seen}' has no sub-module '{part}'", span,
                        did_you_mean(part, names) or ("it has none" if not names else listed(names)))
        found, seen = child, f"{seen}.{part}"
    return found


def parameter_at(models: Mapping[str, nn.Module], path: str) -> nn.Parameter:
    """A parameter, such as `classifier.head.weight`. Raises PipelineError."""
    owner, _, name = path.rpartition(".")
    if not owner:
        raise wrong("unknown-parameter", f"'{path}' is a whole model, and a gradient is taken with respect "
                    "to one parameter", None, f"name one, such as '{path}.weight'")
    module = module_at(models, owner)
    found = module._parameters.get(name)
    if found is None:
        names = [n for n, _ in module.named_parameters()]
        raise wrong("unknown-parameter", f"model '{owner}' has no parameter '{name}'", None,
                    did_you_mean(name, names) or listed(names))
    return found


def shared(models: Mapping[str, nn.Module]) -> list[tuple[str, str]]:
    """Pairs of models, in their order, that share the memory of a parameter."""
    memory = {name: {p.untyped_storage().data_ptr() for p in model.parameters() if p.numel()}
              for name, model in models.items()}
    return sharing(memory)


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """Parameters that can have a gradient and that their author has not switched off."""
    return [p for p in module.parameters() if p.requires_grad]


def uninitialized(module: nn.Module) -> bool:
    """Whether it waits for its first input to know its shapes (`nn.LazyLinear`)."""
    return any(isinstance(p, (nn.UninitializedParameter, nn.UninitializedBuffer))
               for p in [*module.parameters(), *module.buffers()])

