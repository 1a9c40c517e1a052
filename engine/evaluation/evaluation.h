#pragma once
// The effect of coding a ring's links on a model's answers, without a ring: all stages run in this
// process, and the tensors between them are coded and decoded as in a ring. Table 1 of QuantPipe
// (Wang et al., ICASSP 2023) is the mean over cuts, one coded at a time.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/codec/coder.h"
#include "engine/evaluation/evaluation_score.h"
#include "engine/model/model_file.h"
#include "engine/stage/stage.h"
#include "ops/context.h"

namespace quantring {

// Half-block indices at which a model can be cut, ascending; a cut is before that half-block.
std::vector<int> block_cuts(const Architecture& architecture);  // between blocks
std::vector<int> half_cuts(const Architecture& architecture);   // and after attention
// The cuts of an even ring of `stages` (split_evenly). Throws Error.
std::vector<int> ring_cuts(const Architecture& architecture, int stages);
// "2,4.5": after two blocks, after the attention half of the fifth; in any order, without
// duplicates. Throws Error naming the invalid one.
std::vector<int> parse_cuts(const Architecture& architecture, const std::string& text);
std::string cut_text(int cut);  // "4.5"

struct EvaluationPlan {
  std::vector<int> cuts;          // ascending, at least one
  std::vector<CodecSpec> codecs;  // not pixels
  bool together = false;          // every cut is coded at once, as in a ring; else one at a time
  int max_images = 8;             // in a batch
  // What codecs have learned, by cut; null: nothing. Must outlive the Evaluation.
  const std::map<int, KltTables>* tables = nullptr;
};

// Results of one codec.
struct EvaluationPoint {
  CodecSpec codec;
  std::uint64_t bytes_per_image = 0;    // of a coded tensor of one image, the mean
  std::vector<EvaluationScore> scores;  // per cut; together: one for all of them
  EvaluationScore mean() const;         // over the cuts

  // The same point on other images.
  EvaluationPoint& operator+=(const EvaluationPoint& other);
  void set_bytes();  // from the scores
};

class Evaluation {
 public:
  // Loads the whole model, one stage per range between cuts. context and model must outlive this
  // object. Throws Error for a shard or too little memory, std::invalid_argument for an invalid
  // plan.
  Evaluation(Context& context, const ModelFile& model, EvaluationPlan plan);

  // Forward passes per batch, the one without coding included; some skip the first blocks.
  std::size_t passes() const;
  // Called after each of them.
  using Progress = std::function<void(std::size_t passes_done)>;

  // pixels: u8 [images, channels, height, width], up to max_images; labels: the true class of each
  // or -1. On the CPU, results do not depend on the batch.
  void add(std::span<const std::byte> pixels, std::span<const int> labels,
           const Progress& progress = {});

  // Over all images so far. baseline: raw32 at every cut, in the context's precision, with one
  // score; the others are compared with it.
  const EvaluationPoint& baseline() const { return baseline_; }
  const std::vector<EvaluationPoint>& points() const { return points_; }  // as in plan.codecs

 private:
  TensorShape residual_shape(int images) const;
  std::vector<float> floats(std::size_t cut, ConstTensor tensor, int images);
  std::vector<float> logits(int images);
  std::vector<float> logits_without_coding(std::span<const std::byte> pixels, int images);
  void carry(std::size_t stage, CodecSpec codec, int images);
  void run_rest(std::size_t stage, int images);
  void code(std::size_t stage, CodecSpec codec, std::span<const float> sent, int images,
            EvaluationScore& score);
  void count(std::span<const float> expected, std::span<const int> labels, EvaluationScore& score);
  void one_at_a_time(std::span<const float> expected, std::span<const int> labels,
                     const std::function<void()>& done);
  void one_cut(std::size_t cut, std::span<const float> expected, std::span<const int> labels,
               const std::function<void()>& done);
  void all_cuts(std::span<const float> expected, std::span<const int> labels,
                const std::function<void()>& done);

  Context& context_;
  Architecture architecture_;
  EvaluationPlan plan_;
  std::vector<std::unique_ptr<Stage>> stages_;  // one more than cuts
  std::vector<ConstTensor> results_;            // of each stage's last pass
  std::vector<std::unique_ptr<Coder>> coders_;  // of each cut
  Buffer pixels_;
  std::vector<std::byte> coded_;
  EvaluationPoint baseline_;
  std::vector<EvaluationPoint> points_;
};

}  // namespace quantring
