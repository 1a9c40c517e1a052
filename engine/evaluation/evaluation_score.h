#pragma once
// Differences between answers with and without coding, over many images.

#include <cstdint>
#include <span>

namespace quantring {

// Sums over images, added one by one so that they do not depend on batches.
struct EvaluationScore {
  std::uint64_t images = 0;
  std::uint64_t agreeing = 0;        // first answer is the one without coding
  std::uint64_t labelled = 0;        // true class known, and of those:
  std::uint64_t top1 = 0, top5 = 0;  // right in the first answer, in the first five
  double kl = 0;                     // kl_divergence(without coding, coded)
  double relative_error = 0;         // relative_squared_error of the tensors coded
  std::uint64_t tensors = 0;         // of them: images times links
  std::uint64_t coded_bytes = 0;     // of each coded tensor, as of one image

  // expected, logits: of one image, without and with coding. label: true class, -1 if not known; of
  // a single class 1 or 0.
  void add(std::span<const float> expected, std::span<const float> logits, int label);

  // The same images at another cut: all means below are then over images and cuts.
  EvaluationScore& operator+=(const EvaluationScore& other);

  double agreement_percent() const;  // all of these: NaN if there is no image
  double top1_percent() const;
  double top5_percent() const;
  double mean_kl() const;  // nats
  double mean_relative_error() const;
  double mean_bytes() const;  // of a coded tensor
};

// Number of classes likelier than `answer`; of equal ones the lower index counts as likelier, as in
// top_k. A NaN is the least likely.
int rank_of(int answer, std::span<const float> logits);

// Sum over classes of p (log p - log q), p = softmax(expected), q = softmax(logits), in nats.
// Computed in double; 0 for equal logits. NaN if a logit is not finite.
double kl_divergence(std::span<const float> expected, std::span<const float> logits);

// ||actual - expected||^2 / ||expected||^2. Of an expected 0: 0 if actual is 0 too, or infinite.
double relative_squared_error(std::span<const float> expected, std::span<const float> actual);

}  // namespace quantring
