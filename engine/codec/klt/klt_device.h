#pragma once
// Codec klt on a GPU: a cut's tables in the device's memory, and the memory to work in.

#include <cstdint>
#include <vector>

#include "engine/codec/klt/klt_tables.h"
#include "ops/coding/transform_coding.h"
#include "ops/context.h"

namespace quantring {

class KltDevice {
 public:
  // For up to `images`. context must outlive this object. Throws Error without enough memory.
  KltDevice(Context& context, const KltTables& tables, std::uint32_t images);

  // Enqueued; neither wait nor allocate. rate: one of the tables' rates.
  void encode(ConstTensor values, const KltRate& rate, std::byte* body) const;
  void decode(const std::byte* body, const KltRate& rate, Tensor values) const;

  const TransformCode& code(const KltRate& rate) const;

 private:
  template <class Value>
  const Value* store(const std::vector<Value>& values);
  TransformMatrix store(const IntegerMatrix& matrix);
  void add(const KltRate& rate);
  void add_steps(const KltRate& rate, TransformCode& code);
  void add_symbols(const KltRate& rate, TransformCode& code);

  Context& context_;
  const KltTables& tables_;
  std::vector<Buffer> memory_;
  TransformCode shared_;              // what all rates have in common
  std::vector<TransformCode> codes_;  // in the order of the tables' rates
  Buffer scratch_;
};

}  // namespace quantring
