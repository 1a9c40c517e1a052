#include "weights_tools/formats/torch/torch_names.h"

namespace quantring::weights {
namespace {

using enum PickleRole;

// The second half is what training scripts save beside the weights: options, counters, times,
// NumPy's numbers. They are not used.
constexpr PickleName names[] = {
    {"collections.OrderedDict", mapping},
    {"torch._utils._rebuild_tensor", call},
    {"torch._utils._rebuild_tensor_v2", call},
    {"torch._utils._rebuild_tensor_v3", call},
    {"torch._utils._rebuild_parameter", call},
    {"torch._utils._rebuild_parameter_with_state", call},
    {"torch._tensor._rebuild_from_type_v2", call},
    {"torch.Size", call},
    {"torch.Tensor", opaque},
    {"torch.nn.parameter.Parameter", opaque},
    {"torch.nn.parameter.Buffer", opaque},
    {"torch.device", opaque},
    {"torch.FloatStorage", opaque},
    {"torch.HalfStorage", opaque},
    {"torch.BFloat16Storage", opaque},
    {"torch.DoubleStorage", opaque},
    {"torch.LongStorage", opaque},
    {"torch.IntStorage", opaque},
    {"torch.ShortStorage", opaque},
    {"torch.CharStorage", opaque},
    {"torch.ByteStorage", opaque},
    {"torch.BoolStorage", opaque},
    {"torch.storage.UntypedStorage", opaque},
    {"torch.storage.TypedStorage", opaque},
    {"torch.float32", opaque},
    {"torch.float16", opaque},
    {"torch.bfloat16", opaque},
    {"torch.float64", opaque},
    {"torch.int64", opaque},
    {"torch.int32", opaque},
    {"torch.int16", opaque},
    {"torch.int8", opaque},
    {"torch.uint8", opaque},
    {"torch.bool", opaque},
    {"torch.uint16", opaque},
    {"torch.uint32", opaque},
    {"torch.uint64", opaque},
    {"torch.float8_e4m3fn", opaque},
    {"torch.float8_e5m2", opaque},

    {"collections.defaultdict", mapping},
    {"collections.Counter", opaque},
    {"collections.deque", opaque},
    {"argparse.Namespace", opaque},
    {"types.SimpleNamespace", opaque},
    {"yacs.config.CfgNode", opaque},
    {"omegaconf.dictconfig.DictConfig", opaque},
    {"omegaconf.listconfig.ListConfig", opaque},
    {"omegaconf.base.ContainerMetadata", opaque},
    {"omegaconf.base.Metadata", opaque},
    {"omegaconf.nodes.AnyNode", opaque},
    {"typing.Any", opaque},
    {"pathlib.Path", opaque},
    {"pathlib.PosixPath", opaque},
    {"pathlib.WindowsPath", opaque},
    {"pathlib.PurePosixPath", opaque},
    {"pathlib._local.PosixPath", opaque},
    {"pathlib._local.WindowsPath", opaque},
    {"datetime.datetime", opaque},
    {"datetime.timedelta", opaque},
    {"numpy.core.multiarray.scalar", opaque},
    {"numpy._core.multiarray.scalar", opaque},
    {"numpy.core.multiarray._reconstruct", opaque},
    {"numpy._core.multiarray._reconstruct", opaque},
    {"numpy.dtype", opaque},
    {"numpy.ndarray", opaque},
    {"numpy.dtypes.Float32DType", opaque},
    {"numpy.dtypes.Float64DType", opaque},
    {"numpy.dtypes.Int64DType", opaque},
    {"_codecs.encode", opaque},
    // Python 2's names of the builtins, which the pickle protocol of torch.save uses.
    {"__builtin__.dict", opaque},
    {"__builtin__.list", opaque},
    {"__builtin__.set", opaque},
    {"__builtin__.int", opaque},
    {"__builtin__.float", opaque},
    {"__builtin__.str", opaque},
    {"__builtin__.bool", opaque},
    {"__builtin__.object", opaque},
    {"__builtin__.bytearray", opaque},
    {"builtins.dict", opaque},
    {"builtins.list", opaque},
    {"builtins.set", opaque},
    {"builtins.int", opaque},
    {"builtins.float", opaque},
    {"builtins.str", opaque},
    {"builtins.bool", opaque},
    {"builtins.object", opaque},
    {"builtins.bytearray", opaque},
    {"copy_reg._reconstructor", opaque},
    {"copyreg._reconstructor", opaque},
};

// Storage classes (_rebuild_tensor_v2), then the newer dtypes (_rebuild_tensor_v3).
constexpr TorchType types[] = {
    {"torch.FloatStorage", "F32", 4},
    {"torch.HalfStorage", "F16", 2},
    {"torch.BFloat16Storage", "BF16", 2},
    {"torch.DoubleStorage", "F64", 8},
    {"torch.LongStorage", "I64", 8},
    {"torch.IntStorage", "I32", 4},
    {"torch.ShortStorage", "I16", 2},
    {"torch.CharStorage", "I8", 1},
    {"torch.ByteStorage", "U8", 1},
    {"torch.BoolStorage", "BOOL", 1},
    {"torch.float32", "F32", 4},
    {"torch.float16", "F16", 2},
    {"torch.bfloat16", "BF16", 2},
    {"torch.float64", "F64", 8},
    {"torch.int64", "I64", 8},
    {"torch.int32", "I32", 4},
    {"torch.int16", "I16", 2},
    {"torch.int8", "I8", 1},
    {"torch.uint8", "U8", 1},
    {"torch.bool", "BOOL", 1},
    {"torch.uint16", "U16", 2},
    {"torch.uint32", "U32", 4},
    {"torch.uint64", "U64", 8},
    {"torch.float8_e4m3fn", "F8_E4M3", 1},
    {"torch.float8_e5m2", "F8_E5M2", 1},
};

}  // namespace

std::span<const PickleName> torch_names() {
  return names;
}

const TorchType* find_torch_type(std::string_view name) {
  for (const TorchType& type : types) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

}  // namespace quantring::weights
