#include "weights_tools/inspect/inspect.h"

#include <fmt/format.h>

#include <map>

#include "engine/codec/codec.h"
#include "weights_tools/base/text_table.h"
#include "weights_tools/inspect/describe.h"
#include "weights_tools/model/cuts.h"

namespace quantring::weights {
namespace {

constexpr int max_blocks_with_half_cuts = 6;  // deeper models: only cuts between blocks are shown

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.2f}", static_cast<double>(bytes) / 1e6);
}

std::string dtypes_text(const ModelFile& model) {
  std::string text;
  for (const auto& [dtype, bytes] : bytes_by_dtype(model)) {
    text += fmt::format("{}{} MB {}", text.empty() ? "" : ", ", megabytes(bytes), dtype);
  }
  return text;
}

std::string facts(const ModelFile& model, const ModelCosts& costs) {
  std::vector<std::vector<std::string>> rows = {{"file", model.path()}};
  if (!model.whole()) {
    const Cost held = costs.of(model.part());
    rows.push_back(
        {"holds", fmt::format("only {} of {}: {} parameters, {} MB", range_text(model.part()),
                              model.architecture().depth, held.parameters, megabytes(held.bytes))});
  }
  for (const auto& [what, value] : describe(model.architecture())) rows.push_back({what, value});
  rows.push_back({"preprocessing", describe(model.preprocess())});
  const auto& labels = model.labels();
  rows.push_back({"classes", labels.empty()
                                 ? fmt::format("{}, without names", model.architecture().classes)
                                 : fmt::format("{}: {} ... {}", labels.size(), labels.front(),
                                               labels.back())});
  rows.push_back(
      {"parameters", fmt::format("{} ({})", costs.whole().parameters, dtypes_text(model))});
  rows.push_back({"operations", fmt::format("{:.3g} GFLOP per image", costs.whole().gflop)});
  rows.push_back({"hash", model.hash()});
  return text_table(rows, {Align::left});
}

std::string parts(const ModelFile& model, const ModelCosts& costs) {
  std::vector<std::vector<std::string>> rows = {{"part", "parameters", "MB", "GFLOP"}};
  const auto row = [&](const std::string& name, const Cost& cost) {
    rows.push_back({name, fmt::format("{}", cost.parameters), megabytes(cost.bytes),
                    fmt::format("{:.4f}", cost.gflop)});
  };
  Cost block = costs.half_blocks[0];
  block += costs.half_blocks[1];
  row("embedding", costs.embedding);
  row(fmt::format("each of {} blocks", model.architecture().depth), block);
  row("  its attention half", costs.half_blocks[0]);
  row("  its MLP half", costs.half_blocks[1]);
  row("norm and head", costs.head);
  row("all", costs.whole());
  return text_table(rows, {Align::left, Align::right});
}

std::string crossing(const ModelFile& model) {
  const Architecture& a = model.architecture();
  std::vector<std::vector<std::string>> rows = {{"codec"}, {"bytes per image"}};
  for (const CodecSpec codec : cut_codecs()) {
    rows[0].push_back(codec_text(codec));
    rows[1].push_back(fmt::format("{:.0f}", cut_bytes(a, codec)));
  }
  return fmt::format("{} tokens x {} = {} values per image across any cut:\n", a.tokens(), a.dim,
                     std::int64_t{a.tokens()} * a.dim) +
         text_table(rows, {Align::left, Align::right});
}

std::string cut_rows(const ModelFile& model, const ModelCosts& costs) {
  const Architecture& a = model.architecture();
  const int step = a.depth <= max_blocks_with_half_cuts ? 1 : 2;
  const double gflop = costs.whole().gflop;
  std::vector<std::vector<std::string>> rows = {
      {"cut at block", "MB before", "GFLOP %", "MB behind", "GFLOP %"}};
  for (int half = step; half < a.half_blocks(); half += step) {
    const Cost before = costs.of({0, half}), behind = costs.of({half, a.half_blocks()});
    rows.push_back({fmt::format("{}", 0.5 * half), megabytes(before.bytes),
                    fmt::format("{:.1f}", 100 * before.gflop / gflop), megabytes(behind.bytes),
                    fmt::format("{:.1f}", 100 * behind.gflop / gflop)});
  }
  return text_table(rows, {Align::left, Align::right});
}

std::string even_rows(const ModelFile& model, const ModelCosts& costs) {
  std::vector<std::vector<std::string>> rows = {{"stages", "even split", "max MB", "max GFLOP %"}};
  for (const EvenSplit& split : even_splits(model.architecture(), costs)) {
    std::vector<std::string> ranges;
    for (const StageRange range : split.ranges) ranges.push_back(part_text(range));
    rows.push_back({fmt::format("{}", split.ranges.size()),
                    fmt::format("{}", fmt::join(ranges, " ")), megabytes(split.max_bytes),
                    fmt::format("{:.1f}", 100 * split.max_gflop / costs.whole().gflop)});
  }
  return text_table(rows, {Align::left, Align::left, Align::right});
}

}  // namespace

std::string inspect_text(const ModelFile& model) {
  const ModelCosts costs = model_costs(model);
  return facts(model, costs) + "\n" + parts(model, costs) + "\n" + crossing(model) + "\n" +
         cut_rows(model, costs) + "\n" + even_rows(model, costs);
}

}  // namespace quantring::weights
