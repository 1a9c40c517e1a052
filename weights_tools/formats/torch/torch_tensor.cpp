#include "weights_tools/formats/torch/torch_tensor.h"

#include <fmt/format.h>

#include <optional>

#include "ops/base/error.h"
#include "weights_tools/formats/torch/torch_names.h"

namespace quantring::weights {
namespace {

using Kind = PickleValue::Kind;
using Items = std::vector<const PickleValue*>;

// More than any tensor in practice; many tensors may share one shape, so this bounds the memory.
constexpr std::size_t max_dimensions = 16;
constexpr std::uint64_t max_elements = std::uint64_t{1} << 48;  // 2 PB of f64
// An expanded tensor can be larger than its file; in real models it is a mask or an index.
constexpr std::uint64_t max_expanded = std::uint64_t{1} << 24;

// Positions of the arguments of the _rebuild_tensor functions.
enum Argument { storage, offset, shape, strides, requires_grad, hooks, metadata, dtype = 6 };

struct Call {
  std::string_view name;
  const Items* arguments;
};

std::optional<Call> as_call(const PickleValue& value) {
  if (!value.is(Kind::call)) return std::nullopt;
  return Call{value.items[0]->text, &value.items[1]->items};
}

// The call of a _rebuild_tensor function inside its wrappers: parameters wrap a tensor, tensors
// with attributes wrap the function.
std::optional<Call> tensor_call(const PickleValue& value) {
  constexpr int max_wrappers = 4;
  auto call = as_call(value);
  for (int i = 0; i < max_wrappers && call; ++i) {
    const Items& arguments = *call->arguments;
    if (call->name == "torch._utils._rebuild_tensor" ||
        call->name == "torch._utils._rebuild_tensor_v2" ||
        call->name == "torch._utils._rebuild_tensor_v3") {
      return call;
    }
    if (call->name == "torch._utils._rebuild_parameter" ||
        call->name == "torch._utils._rebuild_parameter_with_state") {
      if (arguments.empty()) return std::nullopt;
      call = as_call(*arguments[0]);
    } else if (call->name == "torch._tensor._rebuild_from_type_v2" && arguments.size() == 4 &&
               arguments[0]->is(Kind::name) && arguments[2]->is(Kind::tuple)) {
      call = Call{arguments[0]->text, &arguments[2]->items};
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

// ("storage", class, key, device, elements), or nullptr.
const Items* storage_id(const PickleValue& value) {
  if (!value.is(Kind::persistent) || !value.items[0]->is(Kind::tuple)) return nullptr;
  const Items& id = value.items[0]->items;
  const bool right = id.size() == 5 && id[0]->is(Kind::text) && id[0]->text == "storage" &&
                     id[1]->is(Kind::name) && id[2]->is(Kind::text) && id[4]->is(Kind::integer);
  return right ? &id : nullptr;
}

// A tuple, or torch.Size of one.
const Items* as_tuple(const PickleValue& value) {
  if (value.is(Kind::tuple)) return &value.items;
  const auto call = as_call(value);
  if (!call || call->name != "torch.Size" || call->arguments->size() != 1) return nullptr;
  const PickleValue& inner = *call->arguments->front();
  return inner.is(Kind::tuple) ? &inner.items : nullptr;
}

const TorchType* element_type(const Call& call, const Items& id) {
  if (call.name != "torch._utils._rebuild_tensor_v3") return find_torch_type(id[1]->text);
  const Items& arguments = *call.arguments;
  const bool untyped = id[1]->text == "torch.storage.UntypedStorage";
  if (!untyped || arguments.size() <= Argument::dtype) return nullptr;
  const PickleValue& named = *arguments[Argument::dtype];
  return named.is(Kind::name) ? find_torch_type(named.text) : nullptr;
}

class Parser {
 public:
  explicit Parser(const std::string& where) : where_(where) {}

  TorchTensor parse(const PickleValue& value) {
    const auto call = tensor_call(value);
    if (!call) bad("is not a dense tensor");
    const Items& arguments = *call->arguments;
    const bool v3 = call->name == "torch._utils._rebuild_tensor_v3";
    if (arguments.size() <= (v3 ? Argument::dtype : Argument::strides))
      bad("has too few arguments");
    const Items* const id = storage_id(*arguments[Argument::storage]);
    if (id == nullptr) bad("has no storage");
    const TorchType* const type = element_type(*call, *id);
    if (type == nullptr) bad("has elements of an unknown type");
    check_metadata(arguments, v3 ? 7 : Argument::metadata);

    TorchTensor tensor;
    tensor.dtype = type->dtype;
    tensor.item_bytes = type->bytes;
    tensor.storage = (*id)[2]->text;
    const std::uint64_t count = whole(*(*id)[4], "the size of its storage");
    if (count > max_elements) bad("has a storage of impossible size");
    tensor.storage_bytes = v3 ? count : count * type->bytes;
    tensor.storage_elements = tensor.storage_bytes / type->bytes;
    tensor.offset = whole(*arguments[Argument::offset], "its offset");
    tensor.shape = numbers(*arguments[Argument::shape], "its shape");
    tensor.strides = numbers(*arguments[Argument::strides], "its strides");
    if (tensor.shape.size() != tensor.strides.size()) bad("has strides that do not fit its shape");
    check_inside(tensor);
    return tensor;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    throw Error(
        fmt::format("{} {}; save the weights again with torch.save(model.state_dict(), "
                    "\"weights.pth\")",
                    where_, what));
  }

  // {"conj": True, "neg": True}: the stored values are not those of the tensor.
  void check_metadata(const Items& arguments, std::size_t at) const {
    if (arguments.size() <= at) return;
    const PickleValue& value = *arguments[at];
    if (value.is(Kind::none) || (value.is(Kind::dict) && value.items.empty())) return;
    bad("is a view that negates or conjugates");
  }

  std::uint64_t whole(const PickleValue& value, const char* what) const {
    if (!value.is(Kind::integer)) bad(fmt::format("is malformed: {} is not an integer", what));
    if (value.integer < 0) bad(fmt::format("is malformed: {} is negative", what));
    return static_cast<std::uint64_t>(value.integer);
  }

  std::vector<std::int64_t> numbers(const PickleValue& value, const char* what) const {
    const Items* const items = as_tuple(value);
    if (items == nullptr) bad(fmt::format("is malformed: {} is not a tuple", what));
    if (items->size() > max_dimensions) {
      bad(fmt::format("has {} dimensions, more than {}", items->size(), max_dimensions));
    }
    std::vector<std::int64_t> result;
    for (const PickleValue* item : *items) {
      result.push_back(static_cast<std::int64_t>(whole(*item, what)));
    }
    return result;
  }

  void check_inside(TorchTensor& tensor) const {
    // Without the zeros, so that the intermediate product cannot overflow.
    std::uint64_t product = 1;
    bool empty = false;
    for (const std::int64_t size : tensor.shape) {
      if (size == 0) {
        empty = true;
      } else if (static_cast<std::uint64_t>(size) > max_elements / product) {
        bad("has an impossible number of elements");
      } else {
        product *= static_cast<std::uint64_t>(size);
      }
    }
    tensor.elements = empty ? 0 : product;
    if (empty) return;
    const auto outside = [&] {
      bad(fmt::format("extends beyond its storage of {} elements", tensor.storage_elements));
    };
    if (tensor.offset >= tensor.storage_elements) outside();
    std::uint64_t room = tensor.storage_elements - 1 - tensor.offset;  // after the first element
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      const auto steps = static_cast<std::uint64_t>(tensor.shape[i]) - 1;
      const auto stride = static_cast<std::uint64_t>(tensor.strides[i]);
      if (stride == 0 || steps == 0) continue;
      if (steps > room / stride) outside();
      room -= steps * stride;
    }
    if (tensor.elements > tensor.storage_elements && tensor.elements > max_expanded) {
      bad(fmt::format("expands a storage of {} elements to {}", tensor.storage_elements,
                      tensor.elements));
    }
  }

  const std::string& where_;
};

}  // namespace

bool TorchTensor::contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];  // at most elements, or 0
  }
  return true;
}

bool is_torch_tensor(const PickleValue& value) {
  return tensor_call(value).has_value();
}

bool is_torch_matrix(const PickleValue& value) {
  const auto call = tensor_call(value);
  if (!call || call->arguments->size() <= Argument::strides) return false;
  const Items* const id = storage_id(*(*call->arguments)[Argument::storage]);
  const Items* const sizes = as_tuple(*(*call->arguments)[Argument::shape]);
  if (id == nullptr || sizes == nullptr || sizes->size() < 2) return false;
  const TorchType* const type = element_type(*call, *id);
  return type != nullptr && (type->dtype.starts_with('F') || type->dtype == "BF16");
}

TorchTensor parse_torch_tensor(const PickleValue& value, const std::string& where) {
  return Parser(where).parse(value);
}

}  // namespace quantring::weights
