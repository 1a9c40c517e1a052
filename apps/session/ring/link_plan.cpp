#include "apps/session/ring/link_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "engine/codec/codec_file.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

class ModelCodecs {
 public:
  ModelCodecs(const ModelFile& model, const std::vector<StageRange>& ranges) : model_(model) {
    for (std::size_t i = 1; i < ranges.size(); ++i) cuts_.push_back(ranges[i].begin);
  }

  // Null: the model has no codec file. Throws Error for one that is damaged or another model's.
  const CodecFile* file() {
    if (!file_) file_ = find_codec_file(model_.path(), model_.hash());
    return file_.get();
  }

  // Why links cannot be coded in this way, with the remedy; empty: they can.
  std::string lack(CodecSpec spec) {
    if (!needs_tables(spec.id)) return {};
    if (file() == nullptr)
      return fmt::format("there is no '{}': make it with `{}`", path().string(), calibrate(""));
    for (const int cut : cuts_) {
      if (!file()->has(cut)) {
        return fmt::format("'{}' has nothing about the cut after block {}: make it again with `{}`",
                           file()->path(), 0.5 * cut, calibrate(" --cuts " + cuts_text()));
      }
    }
    const auto& widths = file()->widths();
    if (std::find(widths.begin(), widths.end(), int{spec.bits}) != widths.end()) return {};
    return fmt::format("'{}' has no {}: make it again with `{}`", file()->path(), codec_text(spec),
                       calibrate(""));
  }

  // A ladder of the model's codec file, or the default one.
  Ladder ladder() {
    if (file() == nullptr) return default_ladder();
    try {
      return ladder_from_json(file()->ladder());
    } catch (const Error& error) {
      throw Error(fmt::format("'{}': {}", file()->path(), error.what()));
    }
  }

 private:
  std::filesystem::path path() const { return codec_file_path(model_.path()); }

  std::string calibrate(const std::string& flags) const {
    return fmt::format("quantring calibrate PHOTOS --model {}{}", model_.path(), flags);
  }

  std::string cuts_text() const {
    std::string text;
    for (const int cut : cuts_) text += fmt::format("{}{}", text.empty() ? "" : ",", 0.5 * cut);
    return text;
  }

  const ModelFile& model_;
  std::vector<int> cuts_;
  std::unique_ptr<CodecFile> file_;
};

bool with_tables(const OperatingPoint& point) {
  return needs_tables(point.codec.id);
}

}  // namespace

LinkPlan plan_links(const LinkChoice& flags, const LinkChoice& file, const ModelFile& model,
                    const std::vector<StageRange>& ranges) {
  ModelCodecs codecs(model, ranges);
  LinkPlan plan;
  plan.links = choose_links(flags, file, [&](const std::optional<std::string>& named) {
    Ladder ladder = named ? read_ladder(*named) : codecs.ladder();
    std::erase_if(ladder, [&](const OperatingPoint& point) {
      const std::string lack = codecs.lack(point.codec);
      if (!lack.empty() && plan.notice.empty())
        plan.notice = fmt::format("{} is not used: {}", codec_name(point.codec.id), lack);
      return !lack.empty();
    });
    if (ladder.empty()) throw Error("no point of the ladder can be used: " + plan.notice);
    return ladder;
  });
  // A ring of one stage has no link to code.
  if (ranges.size() < 2) return plan;
  if (const std::string lack = codecs.lack(plan.links.start); !lack.empty())
    throw Error(fmt::format("{} needs what pictures teach about a model: {}",
                            codec_text(plan.links.start), lack));
  const Ladder& ladder = plan.links.ladder;
  if (needs_tables(plan.links.start.id) || std::any_of(ladder.begin(), ladder.end(), with_tables))
    plan.codec_hash = codecs.file()->hash();
  return plan;
}

}  // namespace quantring
