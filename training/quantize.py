"""An fp32 ONNX graph -> its int8 twin: constant matrices by column, what they are multiplied with by token.

A token's scale is taken over that token alone, so an answer does not depend on what else is in the batch.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper, parser

DOMAIN = "fazhi"
ZERO = "zero"
LEAST_COLUMNS = 16  # a narrower matrix, such as a head's, saves nothing

# Unsigned by signed bytes: ONNX Runtime has no fast way of multiplying signed by signed on x86, so zero is 128.
LINEAR = """
<domain: "{domain}", opset_import: ["" : {opset}, "com.microsoft" : 1]>
Linear (tokens, matrix, columns, zero) => (product)
{{
    size = Abs (tokens)
    axis = Constant <value_ints = [-1]> ()
    largest = ReduceMax <keepdims = 1> (size, axis)
    least = Constant <value_float = 1e-6> ()
    peak = Max (largest, least)
    levels = Constant <value_float = 127.0> ()
    scale = Div (peak, levels)
    finer = Div (levels, peak)
    scaled = Mul (tokens, finer)
    one = Constant <value_float = 1.0> ()
    bytes = QuantizeLinear (scaled, one, zero)
    whole = com.microsoft.MatMulIntegerToFloat (bytes, matrix, one, columns, zero)
    product = Mul (whole, scale)
}}
"""


def quantize_by_token(model: onnx.ModelProto) -> None:
    """Replace every product with a constant matrix, in place; embeddings, attention and heads stay as they are."""
    matrices = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 2}
    for node in model.graph.node:
        tensor = matrices.get(node.input[1]) if node.op_type == "MatMul" else None
        if tensor is None or tensor.dims[1] < LEAST_COLUMNS:
            continue
        weights = numpy_helper.to_array(tensor)
        columns = np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127
        names = [f"{tensor.name}.int8", f"{tensor.name}.scale"]
        arrays = [np.rint(weights / columns).astype(np.int8), columns.astype(np.float32)]
        model.graph.initializer.extend(map(numpy_helper.from_array, arrays, names))
        model.graph.initializer.remove(tensor)
        node.domain, node.op_type = DOMAIN, "Linear"
        node.input[1:] = [*names, ZERO]
    model.graph.initializer.append(numpy_helper.from_array(np.array(128, np.uint8), ZERO))
    opset = next(entry.version for entry in model.opset_import if entry.domain == "")
    model.functions.append(parser.parse_function(LINEAR.format(domain=DOMAIN, opset=opset)))
    model.opset_import.extend([helper.make_opsetid("com.microsoft", 1), helper.make_opsetid(DOMAIN, 1)])
