#include "engine/calibration/klt_decoder.h"

#include <algorithm>
#include <cmath>

#include "engine/codec/codec_file.h"
#include "engine/codec/klt/coefficients.h"
#include "ops/base/error.h"
#include "ops/cpu/thread_pool.h"

namespace quantring {
namespace {

// Towards the inverse of the basis, as a share of the components' mean square: there are few
// pictures.
constexpr double ridge = 0.1;
// Sums are of so many parts of the pictures, so that they do not depend on the number of threads.
constexpr std::size_t sum_blocks = 8;

struct Work {
  std::vector<float> prefix, patches, transform;
  std::vector<std::byte> part;
};

struct Sums {
  std::vector<double> components;  // [n, n], of z z'
  std::vector<double> targets;     // [n, dim], of z (clean - mean)'
};

// Adds the products of rows of z [count, n] and y [count, dim].
void add_products(const std::vector<float>& z, const std::vector<float>& y, std::size_t n,
                  std::size_t dim, Sums& sums) {
  const std::size_t count = y.size() / dim;
  std::vector<float> squares(n * n), products(n * dim);
  for (std::size_t t = 0; t < count; ++t) {
    const float* const row = z.data() + t * n;
    const float* const target = y.data() + t * dim;
    for (std::size_t i = 0; i < n; ++i) {
      const float factor = row[i];
      if (factor == 0) continue;
      for (std::size_t k = 0; k <= i; ++k) squares[i * n + k] += factor * row[k];
      for (std::size_t d = 0; d < dim; ++d) products[i * dim + d] += factor * target[d];
    }
  }
  for (std::size_t i = 0; i < squares.size(); ++i) sums.components[i] += double{squares[i]};
  for (std::size_t i = 0; i < products.size(); ++i) sums.targets[i] += double{products[i]};
}

}  // namespace

void solve_symmetric(std::vector<double>& a, std::size_t n, std::vector<double>& b,
                     std::size_t columns) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k <= i; ++k) {
      double sum = a[i * n + k];
      for (std::size_t j = 0; j < k; ++j) sum -= a[i * n + j] * a[k * n + j];
      if (k == i && !(sum > 0)) throw Error("a matrix of the calibration is singular");
      a[i * n + k] = k == i ? std::sqrt(sum) : sum / a[k * n + k];
    }
  }
  const auto subtract = [&](std::size_t to, std::size_t from, double factor) {
    for (std::size_t c = 0; c < columns; ++c) b[to * columns + c] -= factor * b[from * columns + c];
  };
  const auto divide = [&](std::size_t row) {
    for (std::size_t c = 0; c < columns; ++c) b[row * columns + c] /= a[row * n + row];
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) subtract(i, k, a[i * n + k]);
    divide(i);
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) subtract(i, k, a[k * n + i]);
    divide(i);
  }
}

void fit_klt_decoder(Context& context, const KltTables& tables, KltRate& rate,
                     std::span<const float> clean, std::span<float> sent) {
  const KltShape& shape = tables.shape;
  const std::size_t n = rate.components, dim = shape.dim, each = shape.tokens() * dim;
  const std::size_t images = sent.size() / each, first = shape.prefix * dim;
  const std::size_t patches = shape.patches();
  std::vector<Sums> sums(sum_blocks, {std::vector<double>(n * n), std::vector<double>(n * dim)});
  std::vector<float> received(images * patches * n);
  const auto add_image = [&](std::size_t i, Work& work, Sums& sum) {
    float* const values = sent.data() + i * each;
    tables.analyse(values, n, work.prefix, work.patches, work.transform);
    work.part.clear();
    if (!code_coefficients(rate, work.prefix, work.patches, work.part)) return;
    decode_coefficients(rate, work.part, work.prefix, work.patches);
    tables.synthesise_prefix(work.prefix, values);
    tables.planes_of(rate, work.patches, work.transform);
    std::copy(work.patches.begin(), work.patches.end(), received.data() + i * patches * n);
    std::vector<float> target(patches * dim);
    for (std::size_t k = 0; k < target.size(); ++k)
      target[k] = clean[i * each + first + k] - tables.mean[first + k];
    add_products(work.patches, target, n, dim, sum);
  };
  context.pool().parallel_for(sum_blocks, [&](std::int64_t block, int) {
    Work work;
    for (auto i = static_cast<std::size_t>(block); i < images; i += sum_blocks)
      add_image(i, work, sums[static_cast<std::size_t>(block)]);
  });
  Sums& all = sums.front();
  for (std::size_t w = 1; w < sums.size(); ++w) {
    for (std::size_t i = 0; i < n * n; ++i) all.components[i] += sums[w].components[i];
    for (std::size_t i = 0; i < n * dim; ++i) all.targets[i] += sums[w].targets[i];
  }
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += all.components[i * n + i];
  if (n > 0 && trace > 0) {
    const double weight = ridge * trace / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
      all.components[i * n + i] += weight;
      for (std::size_t d = 0; d < dim; ++d)
        all.targets[i * dim + d] += weight * double{rate.synthesis[i * dim + d]};
    }
    solve_symmetric(all.components, n, all.targets, dim);
    std::copy(all.targets.begin(), all.targets.end(), rate.synthesis.begin());
    round_to_stored(rate.synthesis);
    rate.prepare_synthesis(dim);
  }
  context.pool().parallel_for(static_cast<std::int64_t>(images), [&](std::int64_t image, int) {
    const std::size_t i = static_cast<std::size_t>(image);
    tables.synthesise_patches(rate, received.data() + i * patches * n, sent.data() + i * each);
  });
}

}  // namespace quantring
