#include "engine/codec/klt/klt_device.h"

#include <algorithm>
#include <bit>

#include "engine/codec/klt/coefficients.h"
#include "ops/transfer.h"

namespace quantring {
namespace {

static_assert(transform_classes == klt_classes && transform_symbols == klt_symbols &&
              transform_slots == klt_slots && transform_slot_shift == klt_slot_shift &&
              transform_max_streams == max_klt_streams && max_rans_lanes == 32);

int size(std::size_t n) {
  return static_cast<int>(n);
}

// [n, n] with rows of whole fours.
std::vector<float> padded(const std::vector<float>& matrix, std::size_t n, bool transpose) {
  const std::size_t row = (n + 3) / 4 * 4;
  std::vector<float> result(n * row);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      result[i * row + j] = transpose ? matrix[j * n + i] : matrix[i * n + j];
  return result;
}

}  // namespace

KltDevice::KltDevice(Context& context, const KltTables& tables, std::uint32_t images)
    : context_(context), tables_(tables) {
  const KltShape& shape = tables.shape;
  shared_.prefix = size(shape.prefix);
  shared_.rows = size(shape.rows);
  shared_.cols = size(shape.cols);
  shared_.dim = size(shape.dim);
  shared_.mean = store(tables.mean);
  shared_.analysis = store(tables.integer_analysis());
  shared_.prefix_synthesis = store(tables.integer_synthesis());
  shared_.dct_rows = store(padded(tables.dct_rows, shape.rows, false));
  shared_.dct_cols = store(padded(tables.dct_cols, shape.cols, false));
  shared_.inverse_rows = store(padded(tables.dct_rows, shape.rows, true));
  shared_.inverse_cols = store(padded(tables.dct_cols, shape.cols, true));
  shared_.host_dct_rows = tables.dct_rows.data();
  shared_.host_dct_cols = tables.dct_cols.data();
  std::size_t scratch = 0;
  for (const KltRate& rate : tables.rates) {
    add(rate);
    scratch = std::max(scratch, transform_scratch_bytes(context, codes_.back(), images));
  }
  scratch_ = Buffer(context, scratch);
}

void KltDevice::add(const KltRate& rate) {
  const KltStreams streams(rate);
  TransformCode& code = codes_.emplace_back(shared_);
  code.components = size(rate.components);
  code.streams = size(streams.count);
  code.lanes = streams.lanes;
  code.coded = size(rate.coded.size());
  code.coded_prefix = size(rate.coded_prefix);
  code.each = size(streams.each);
  code.step = rate.step;
  code.prefix_step = rate.prefix_step;
  code.per_step = 1.0F / rate.step;
  code.per_prefix_step = 1.0F / rate.prefix_step;
  std::copy(rate.points.begin(), rate.points.end(), code.points);
  code.patch_synthesis = store(rate.integer_synthesis);
  add_steps(rate, code);
  add_symbols(rate, code);
  code.thresholds = store(rate.thresholds);
}

void KltDevice::add_steps(const KltRate& rate, TransformCode& code) {
  const KltStreams streams(rate);
  const auto lanes = static_cast<std::size_t>(streams.lanes);
  constexpr std::size_t group_lanes = 32, group = transform_group;
  const std::size_t steps = (streams.each + lanes - 1) / lanes;
  const std::size_t groups = (steps + group - 1) / group;
  std::vector<std::uint8_t> classes(streams.count * groups * group_lanes * group);
  std::vector<std::int32_t> order(
      rate.prefix_classes.size() + tables_.shape.patches() * rate.components, -1);
  std::vector<std::uint8_t> place_classes(order.size());
  for (std::size_t i = 0; i < rate.coded.size(); ++i) {
    const std::size_t stream = i / streams.each, at = i % streams.each;
    const std::size_t step = at / lanes, lane = at % lanes;
    const std::size_t place =
        ((stream * groups + step / group) * group_lanes + lane) * group + step % group;
    classes[place] = rate.coded_classes[i];
    order[rate.coded[i]] = size(place);
    place_classes[rate.coded[i]] = rate.coded_classes[i];
  }
  code.order = store(order);
  code.place_classes = store(place_classes);
  code.step_classes = store(classes);
  code.groups = size(groups);
}

void KltDevice::add_symbols(const KltRate& rate, TransformCode& code) {
  std::vector<std::uint64_t> ranges(klt_classes * transform_ranges_stride),
      slots(klt_classes * klt_slots);
  for (std::size_t c = 0; c < klt_classes; ++c) {
    const RansRange* const of_class = rate.ranges.data() + c * klt_symbols;
    for (std::size_t s = 0; s < klt_symbols; ++s) {
      const RansRange range = of_class[s];
      const auto log = static_cast<unsigned>(std::bit_width(range.size) - 1);
      const std::uint64_t inverse = (std::uint64_t{1} << (32 + log)) / range.size;
      ranges[c * transform_ranges_stride + s] = range.begin | (range.size - 1) << 14 | log << 28 |
                                                std::min<std::uint64_t>(inverse, 0xffffffffU) << 32;
    }
    for (std::size_t part = 0; part < klt_slots; ++part) {
      const std::size_t s = rate.first_symbols[c * klt_slots + part];
      const std::uint64_t next = s + 1 < klt_symbols ? of_class[s + 1].size - 1 : 0;
      slots[c * klt_slots + part] = of_class[s].begin | (of_class[s].size - 1) << 16 | next << 32 |
                                    static_cast<std::uint64_t>(s) << 48;
    }
  }
  code.ranges = store(ranges);
  code.slots = store(slots);
}

template <class Value>
const Value* KltDevice::store(const std::vector<Value>& values) {
  if (values.empty()) return nullptr;
  const auto bytes = std::as_bytes(std::span(values));
  memory_.emplace_back(context_, bytes.size());
  upload(context_, bytes, memory_.back().data());
  return static_cast<const Value*>(memory_.back().data());
}

TransformMatrix KltDevice::store(const IntegerMatrix& matrix) {
  const std::size_t depth = matrix.depth(), cols = matrix.cols();
  const auto row = static_cast<std::size_t>(transform_padded(static_cast<std::int64_t>(depth)));
  std::vector<std::int8_t> planes(2 * cols * row);
  for (std::size_t c = 0; c < cols; ++c) {
    for (std::size_t k = 0; k < depth; ++k) {
      const int integer = matrix.pairs()[2 * (k / 2 * cols + c) + k % 2];
      const auto low = static_cast<std::int8_t>(integer & 255);
      planes[c * row + k] = static_cast<std::int8_t>((integer - low) / 256);
      planes[(cols + c) * row + k] = low;
    }
  }
  return {store(planes), store(matrix.units()), size(depth), size(cols)};
}

const TransformCode& KltDevice::code(const KltRate& rate) const {
  return codes_[static_cast<std::size_t>(&rate - tables_.rates.data())];
}

void KltDevice::encode(ConstTensor values, const KltRate& rate, std::byte* body) const {
  transform_encode(context_, values, code(rate), scratch_.data(), body);
}

void KltDevice::decode(const std::byte* body, const KltRate& rate, Tensor values) const {
  transform_decode(context_, body, code(rate), scratch_.data(), values);
}

}  // namespace quantring
