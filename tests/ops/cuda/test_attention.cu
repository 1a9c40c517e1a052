// The attention kernels against the formula in double precision, each kernel at every shape that it
// supports.

#include <doctest/doctest.h>

#include "attention_support.h"
#include "ops/cuda/attention/attention.h"
#include "ops/cuda/attention/attention_kernels.h"
#include "ops/cuda/device/memory.h"

using namespace quantring;
using namespace quantring::test;

namespace {

using Runner = void (*)(const cuda::Queue&, const void*, const Case&, void*);

void check_case(const cuda::Queue& queue, const Case& c, const char* name, Runner run) {
  INFO(name, ": ", c.text());
  const Values qkv = c.make_qkv();
  const std::size_t count = qkv.numbers.size() / 3, guard = 256;
  cuda::DeviceMemory<> in(qkv.bytes.size()), out(count * Values::dtype_size(c.dtype) + guard);
  check(cudaMemcpy(in.get(), qkv.bytes.data(), qkv.bytes.size(), cudaMemcpyHostToDevice), "copy");
  check(cudaMemset(out.get(), 0xff, out.count()), "cudaMemset");  // NaN in each of the types
  run(queue, in.get(), c, out.get());
  check(cudaDeviceSynchronize(), "the kernel");
  Values got(c.dtype, count);
  std::vector<std::byte> behind(guard);
  check(cudaMemcpy(got.bytes.data(), out.get(), got.bytes.size(), cudaMemcpyDeviceToHost), "copy");
  check(cudaMemcpy(behind.data(), out.get() + got.bytes.size(), guard, cudaMemcpyDeviceToHost),
        "copy");
  CHECK(std::all_of(behind.begin(), behind.end(), [](std::byte b) { return b == std::byte{255}; }));

  const std::int64_t dim = c.heads * c.d;
  std::size_t not_finite = 0, first_not_finite = 0;
  for (std::size_t i = count; i-- > 0;) {
    if (!std::isfinite(got.read(i))) ++not_finite, first_not_finite = i;
  }
  INFO(not_finite, " of ", count, " not finite, the first ", first_not_finite);
  CHECK(not_finite == 0);

  static Reference reference;
  std::size_t wrong = 0;
  double worst = 0;
  std::string first;
  for (std::int64_t image = 0; image<c.images; image += c.images> 8 ? 7 : 1) {
    for (std::int64_t head = 0; head < c.heads; ++head) {
      // Of long sequences every 23rd query, and the last.
      for (std::int64_t row = 0; row<c.tokens; row += c.tokens> 64 ? 23 : 1) {
        if (row + 23 >= c.tokens && c.tokens > 64) row = c.tokens - 1;
        const ReferenceRow& expected = reference.row(c, qkv, image, head, row);
        for (std::int64_t i = 0; i < c.d; ++i) {
          const auto column = static_cast<std::size_t>(i);
          const auto where =
              static_cast<std::size_t>((image * c.tokens + row) * dim + head * c.d + i);
          const double value = got.read(where);
          const double ratio =
              std::abs(value - expected.value[column]) / expected.tolerance[column];
          worst = std::max(worst, ratio);
          if (!(ratio <= 1)) {
            if (++wrong <= 6) {
              first += " [image " + std::to_string(image) + " head " + std::to_string(head) +
                       " row " + std::to_string(row) + " column " + std::to_string(i) + ": " +
                       std::to_string(value) + " for " + std::to_string(expected.value[column]) +
                       " +- " + std::to_string(expected.tolerance[column]) + "]";
            }
          }
        }
      }
    }
  }
  INFO(wrong, " wrong, worst ", worst, " tolerances;", first);
  CHECK(wrong == 0);
}

void check_all_kernels(const cuda::Queue& queue, const Case& c) {
  check_case(queue, c, "attention",
             [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
               cuda::attention(q, in, k.dtype, k.shape(), nullptr, out);
             });
  if (cuda::attn::whole_fits(queue, c.shape(), c.dtype)) {
    check_case(queue, c, "whole",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::whole(q, in, k.dtype, k.shape(), 1, out);
               });
    check_case(queue, c, "whole, 3 parts",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::whole(q, in, k.dtype, k.shape(), 3, out);
               });
  }
  if (cuda::attn::hopper_fits(queue, c.shape(), c.dtype)) {
    check_case(queue, c, "hopper",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::hopper(q, in, k.dtype, k.shape(), out);
               });
  }
  if (cuda::attn::stream_fits(c.shape(), c.dtype)) {
    check_case(queue, c, "stream",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::stream(q, in, k.dtype, k.shape(), out);
               });
  }
  check_case(queue, c, "plain", [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
    cuda::attn::plain(q, in, k.dtype, k.shape(), out);
  });
}

constexpr DType types[] = {DType::f16, DType::bf16, DType::f32};

}  // namespace

TEST_CASE("attention on the GPU: numbers of tokens") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int tokens : {1,   7,   15,  16,  17,  50,  63,  64,  65,  196, 197,
                             198, 208, 209, 256, 257, 261, 272, 273, 577, 785}) {
      check_all_kernels(
          queue,
          {.dtype = dtype, .images = tokens < 100 ? 5 : 2, .tokens = tokens, .heads = 3, .d = 64});
    }
  }
}

TEST_CASE("attention on the GPU: head dimensions") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int d : {1, 8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 136, 200}) {
      for (const int tokens : {3, 50, 197, 257}) {
        check_all_kernels(queue,
                          {.dtype = dtype, .images = 2, .tokens = tokens, .heads = 2, .d = d});
      }
    }
  }
}

TEST_CASE("attention on the GPU: heads and images") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int heads : {1, 2, 5, 12, 16}) {
      for (const int images : {1, 5}) {
        check_all_kernels(
            queue, {.dtype = dtype, .images = images, .tokens = 197, .heads = heads, .d = 64});
      }
    }
  }
}

TEST_CASE("attention on the GPU: more heads than a GPU has multiprocessors") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const int tokens : {50, 197, 300}) {
      check_all_kernels(queue,
                        {.dtype = dtype, .images = 12, .tokens = tokens, .heads = 12, .d = 64});
    }
  }
}

TEST_CASE("attention on the GPU: very large scores") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int tokens : {50, 197, 577}) {
      check_all_kernels(queue, {.dtype = dtype,
                                .images = 1,
                                .tokens = tokens,
                                .heads = 2,
                                .d = 64,
                                .scale = 2,
                                .massive = 100});
    }
  }
}
