// A forward pass allocates nothing once its batch size has been seen.

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "engine/model/random_model.h"
#include "engine/stage/stage.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/temp_folder.h"

namespace {
std::atomic<long> allocations{0};
}

// Replaces the global operator of this test program.
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

using namespace quantring;

TEST_CASE("a forward pass allocates no memory, in every architecture") {
  constexpr int images = 2;
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const TempFolder folder;
    const Architecture& a = named.architecture;
    write_random_model(folder / "model.safetensors", a, StorageType::f32, 3);
    const ModelFile model(folder / "model.safetensors");
    const std::vector<std::uint8_t> pixels(
        static_cast<std::size_t>(images * a.channels * a.image_height * a.image_width), 77);
    const ConstTensor input{
        pixels.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}};
    Context context(2);
    Stage first(context, model, {0, 3}, images);
    Stage rest(context, model, {3, a.half_blocks()}, images);
    const auto pass = [&] {
      const ConstTensor stream = first.forward_pixels(input);
      std::memcpy(rest.residual(images).data, stream.data, stream.bytes());
      rest.forward_residual(images);
    };
    pass();
    const long before = allocations;
    REQUIRE(before > 0);
    pass();
    CHECK(allocations == before);
  }
}
