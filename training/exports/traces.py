"""Stack traces in the metadata of dynamo exports, without the folders of the machine that made them."""

import re

import onnx_ir as ir

TRACE_KEY = "pkg.torch.onnx.stack_trace"
_FOLDER = re.compile(r'File "[^"]*/((?:site-packages|exports)/[^"]*)"')


def relative_traces(model: ir.Model) -> ir.Model:
    """Shortens file names to what follows (and includes) `site-packages` or `exports`, in place."""
    for graph in model.graphs():
        for node in graph:
            trace = node.metadata_props.get(TRACE_KEY)
            if trace is not None:
                node.metadata_props[TRACE_KEY] = _FOLDER.sub(r'File "\1"', trace)
    return model
