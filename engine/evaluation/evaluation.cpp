#include "engine/evaluation/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ops/base/error.h"
#include "ops/transfer.h"

namespace quantring {
namespace {

constexpr CodecSpec raw32{CodecId::raw32, 32};

std::vector<int> every(int step, const Architecture& architecture) {
  std::vector<int> cuts;
  for (int cut = step; cut < architecture.half_blocks(); cut += step) cuts.push_back(cut);
  return cuts;
}

std::uint64_t expected_bytes(CodecSpec codec, TensorShape shape) {
  return static_cast<std::uint64_t>(std::llround(expected_bits(codec, shape) / 8));
}

void check(const EvaluationPlan& plan, const Architecture& architecture) {
  bool sound = !plan.cuts.empty() && plan.cuts.front() > 0 && plan.max_images > 0 &&
               plan.cuts.back() < architecture.half_blocks();
  for (std::size_t i = 1; i < plan.cuts.size(); ++i) sound &= plan.cuts[i - 1] < plan.cuts[i];
  for (const CodecSpec codec : plan.codecs)
    sound &= codec_valid(codec) && codec.id != CodecId::pixels;
  if (!sound) throw std::invalid_argument("Evaluation: invalid plan");
}

}  // namespace

std::vector<int> block_cuts(const Architecture& architecture) {
  return every(2, architecture);
}

std::vector<int> half_cuts(const Architecture& architecture) {
  return every(1, architecture);
}

std::vector<int> ring_cuts(const Architecture& architecture, int stages) {
  std::vector<int> cuts;
  for (const StageRange range : split_evenly(architecture, stages)) cuts.push_back(range.begin);
  cuts.erase(cuts.begin());
  return cuts;
}

std::vector<int> parse_cuts(const Architecture& architecture, const std::string& text) {
  std::vector<int> cuts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string entry = text.substr(begin, end - begin);
    const auto range = parse_range("0-" + entry);
    if (!range || range->end >= architecture.half_blocks()) {
      throw Error(
          fmt::format("'{}' is not a cut of this model: use blocks, halves, or a list of 0.5, 1, "
                      "1.5 ... {} blocks",
                      entry, cut_text(architecture.half_blocks() - 1)));
    }
    if (std::find(cuts.begin(), cuts.end(), range->end) != cuts.end())
      throw Error(fmt::format("cut {} is named twice", entry));
    cuts.push_back(range->end);
    begin = end + 1;
  }
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

std::string cut_text(int cut) {
  return fmt::format("{}{}", cut / 2, cut % 2 == 0 ? "" : ".5");
}

EvaluationScore EvaluationPoint::mean() const {
  EvaluationScore sum;
  for (const EvaluationScore& score : scores) sum += score;
  return sum;
}

void EvaluationPoint::set_bytes() {
  const EvaluationScore all = mean();
  if (all.tensors > 0) bytes_per_image = static_cast<std::uint64_t>(std::llround(all.mean_bytes()));
}

EvaluationPoint& EvaluationPoint::operator+=(const EvaluationPoint& other) {
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] += other.scores[i];
  set_bytes();
  return *this;
}

Evaluation::Evaluation(Context& context, const ModelFile& model, EvaluationPlan plan)
    : context_(context), architecture_(model.architecture()), plan_(std::move(plan)) {
  check(plan_, architecture_);
  for (const int cut : plan_.cuts) {
    CoderTables tables;
    if (plan_.tables != nullptr && plan_.tables->contains(cut))
      tables.sent = tables.received = &plan_.tables->at(cut);
    coders_.push_back(std::make_unique<Coder>(context, residual_shape(plan_.max_images), tables));
  }
  int begin = 0;
  std::vector<int> ends = plan_.cuts;
  ends.push_back(architecture_.half_blocks());
  for (const int end : ends) {
    stages_.push_back(
        std::make_unique<Stage>(context_, model, StageRange{begin, end}, plan_.max_images));
    begin = end;
  }
  results_.resize(stages_.size());
  const auto images = static_cast<std::size_t>(plan_.max_images);
  pixels_ = Buffer(context_, images * model.preprocess().pixel_count());
  for (const CodecSpec codec : plan_.codecs) {
    points_.push_back({codec, expected_bytes(codec, residual_shape(1)),
                       std::vector<EvaluationScore>(plan_.together ? 1 : plan_.cuts.size())});
  }
  baseline_ = {raw32, expected_bytes(raw32, residual_shape(1)), {{}}};
}

std::size_t Evaluation::passes() const {
  return 1 + plan_.codecs.size() * (plan_.together ? 1 : plan_.cuts.size());
}

void Evaluation::add(std::span<const std::byte> pixels, std::span<const int> labels,
                     const Progress& progress) {
  const int images = static_cast<int>(labels.size());
  const std::size_t bytes = labels.size() * static_cast<std::size_t>(architecture_.channels) *
                            static_cast<std::size_t>(architecture_.image_height) *
                            static_cast<std::size_t>(architecture_.image_width);
  if (images < 1 || images > plan_.max_images || pixels.size() != bytes)
    throw std::invalid_argument("Evaluation::add: not the pixels of a batch");
  std::size_t passes_done = 0;
  const std::function<void()> done = [&] {
    ++passes_done;
    if (progress) progress(passes_done);
  };
  const std::vector<float> expected = logits_without_coding(pixels, images);
  count(expected, labels, baseline_.scores.front());
  baseline_.scores.front().tensors += labels.size();  // received unchanged
  baseline_.scores.front().coded_bytes += labels.size() * baseline_.bytes_per_image;
  done();
  if (plan_.together) {
    all_cuts(expected, labels, done);
  } else {
    one_at_a_time(expected, labels, done);
  }
  for (EvaluationPoint& point : points_) point.set_bytes();
}

void Evaluation::one_at_a_time(std::span<const float> expected, std::span<const int> labels,
                               const std::function<void()>& done) {
  // From the last cut to the first: the stages before a cut still hold the results of the pass
  // without coding, and those after it can be reused.
  for (std::size_t cut = plan_.cuts.size(); cut-- > 0;) one_cut(cut, expected, labels, done);
}

void Evaluation::one_cut(std::size_t cut, std::span<const float> expected,
                         std::span<const int> labels, const std::function<void()>& done) {
  const int images = static_cast<int>(labels.size());
  const std::vector<float> sent = floats(cut, results_[cut], images);
  for (EvaluationPoint& point : points_) {
    EvaluationScore& score = point.scores[cut];
    code(cut, point.codec, sent, images, score);
    run_rest(cut + 1, images);
    count(expected, labels, score);
    done();
  }
}

void Evaluation::all_cuts(std::span<const float> expected, std::span<const int> labels,
                          const std::function<void()>& done) {
  const int images = static_cast<int>(labels.size());
  for (EvaluationPoint& point : points_) {
    EvaluationScore& score = point.scores.front();
    CodecSpec codec = point.codec;
    for (std::size_t cut = 0; cut < plan_.cuts.size(); ++cut) {
      if (cut > 0) codec = klt_after(codec, point.codec);
      code(cut, codec, floats(cut, results_[cut], images), images, score);
      results_[cut + 1] = stages_[cut + 1]->forward_residual(images);
    }
    count(expected, labels, score);
    done();
  }
}

std::vector<float> Evaluation::logits_without_coding(std::span<const std::byte> pixels,
                                                     int images) {
  const Architecture& a = architecture_;
  upload(context_, pixels, pixels_.data());
  results_[0] = stages_[0]->forward_pixels(
      {pixels_.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}});
  carry(0, raw32, images);
  run_rest(1, images);
  return logits(images);
}

// Sends the result of `stage` to the next one.
void Evaluation::carry(std::size_t stage, CodecSpec codec, int images) {
  coders_[stage]->encode(results_[stage], codec, coded_);
  coders_[stage]->decode(coded_, stages_[stage + 1]->residual(images));
}

// Runs from `stage`, whose residual stream is set, to the logits.
void Evaluation::run_rest(std::size_t stage, int images) {
  for (; stage < stages_.size(); ++stage) {
    results_[stage] = stages_[stage]->forward_residual(images);
    if (stage + 1 < stages_.size()) carry(stage, raw32, images);
  }
}

// Sends the result of `stage`, whose values are `sent`, and scores what is received.
void Evaluation::code(std::size_t stage, CodecSpec codec, std::span<const float> sent, int images,
                      EvaluationScore& score) {
  carry(stage, codec, images);
  // Each image as if it were sent alone.
  score.coded_bytes += coded_.size() + coded_header_bytes * static_cast<std::size_t>(images - 1);
  const std::vector<float> received = floats(stage, stages_[stage + 1]->residual(images), images);
  const std::size_t each = residual_shape(1).elements();
  for (std::size_t i = 0; i < sent.size(); i += each) {
    score.relative_error +=
        relative_squared_error(sent.subspan(i, each), std::span(received).subspan(i, each));
    ++score.tensors;
  }
}

// Scores the last stage's result.
void Evaluation::count(std::span<const float> expected, std::span<const int> labels,
                       EvaluationScore& score) {
  const std::vector<float> actual = logits(static_cast<int>(labels.size()));
  const auto classes = static_cast<std::size_t>(architecture_.classes);
  for (std::size_t i = 0; i < labels.size(); ++i)
    score.add(expected.subspan(i * classes, classes),
              std::span(actual).subspan(i * classes, classes), labels[i]);
}

std::vector<float> Evaluation::logits(int images) {
  std::vector<float> values(static_cast<std::size_t>(images * architecture_.classes));
  download(context_, results_.back().data, std::as_writable_bytes(std::span(values)));
  return values;
}

// A residual stream in the context's memory as f32.
std::vector<float> Evaluation::floats(std::size_t cut, ConstTensor tensor, int images) {
  const TensorShape shape = residual_shape(images);
  coders_[cut]->encode(tensor, raw32, coded_);
  std::vector<float> values(shape.elements());
  decode(coded_, shape, values);
  return values;
}

TensorShape Evaluation::residual_shape(int images) const {
  return {static_cast<std::uint32_t>(images), static_cast<std::uint32_t>(architecture_.tokens()),
          static_cast<std::uint32_t>(architecture_.dim)};
}

}  // namespace quantring
