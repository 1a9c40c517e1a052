// Asynchronous copies, events and recorded graphs on a GPU.

#include "ops/base/error.h"
#include "ops/embed.h"
#include "ops/graph.h"
#include "ops/layer_norm.h"
#include "tests/ops/cuda/gpu.h"

using namespace quantring;
using namespace quantring::test;

TEST_CASE("bytes are copied to a GPU and back, also during other copies") {
  if (!have_gpu()) return;
  Context gpu(on_gpu(Precision::f32));
  constexpr std::size_t bytes = 1 << 20;
  constexpr int slots = 3;
  PinnedBuffer in[slots], out[slots];
  Buffer device[slots];
  Event arrived[slots];
  for (int i = 0; i < slots; ++i) {
    in[i] = PinnedBuffer(gpu, bytes);
    out[i] = PinnedBuffer(gpu, bytes);
    device[i] = Buffer(gpu, bytes);
    arrived[i] = Event(gpu);
    arrived[i].wait();  // never recorded: returns at once
  }
  for (int round = 0; round < 30; ++round) {
    const int slot = round % slots;
    if (round >= slots) {
      arrived[slot].wait();
      CHECK(std::memcmp(in[slot].data(), out[slot].data(), bytes) == 0);
    }
    std::memset(in[slot].data(), round + 1, bytes);
    copy_in(gpu, in[slot], bytes, device[slot].data());
    copy_out(gpu, device[slot].data(), bytes, out[slot], arrived[slot]);
  }
  for (int i = 0; i < slots; ++i) {
    arrived[i].wait();
    CHECK(std::memcmp(in[i].data(), out[i].data(), bytes) == 0);
  }
}

TEST_CASE("a recorded graph repeats its body on new input") {
  if (!have_gpu()) return;
  Context gpu(on_gpu(Precision::f16)), cpu(1);
  constexpr std::int64_t dim = 768;
  const Shape shape{197, dim};
  const std::vector<float> ones(dim, 1.0f), zeros(dim, 0.0f);
  const OnDevice gamma(gpu, ones, DType::f32, {dim}), beta(gpu, zeros, DType::f32, {dim});
  const OnDevice x(gpu, DType::f16, shape), y(gpu, DType::f16, shape);
  Graph program;
  int bodies = 0;
  for (std::uint32_t seed = 1; seed < 6; ++seed) {
    const auto values = rounded(random_values(shape.elements(), seed, 5), DType::f16);
    const OnDevice fresh(gpu, values, DType::f16, shape);
    std::vector<std::byte> bytes(fresh.tensor().bytes());
    download(gpu, fresh.tensor().data, bytes);
    upload(gpu, bytes, x.tensor().data);
    program.run(gpu, [&] {
      ++bodies;
      layer_norm(gpu, x, gamma, beta, 1e-6f, y);
    });
    Output expected(shape);
    layer_norm(cpu, view(values, shape), view(ones, {dim}), view(zeros, {dim}), 1e-6f,
               expected.tensor());
    check_near(y.values(), {expected.values().begin(), expected.values().end()}, 0x1p-10, 1e-6);
  }
  CHECK(bodies == 2);  // once directly, once to record it
}

TEST_CASE("more memory than a GPU has is an error with the sizes") {
  if (!have_gpu()) return;
  Context gpu(on_gpu(Precision::f32));
  std::string text;
  try {
    Buffer buffer(gpu, std::size_t{1} << 50);
  } catch (const Error& error) {
    text = error.what();
  }
  CHECK(text.find("out of memory on cuda:0") != std::string::npos);
  CHECK(text.find("are free") != std::string::npos);
  Buffer small(gpu, 1 << 20);  // the GPU is still usable
}

TEST_CASE("a GPU that does not exist is an error with the existing ones") {
  if (!have_gpu()) return;
  CHECK_THROWS_WITH_AS(choose_device("cuda:99"), doctest::Contains("there is no cuda:99"), Error);
}
