#include "ops/context.h"

#include <atomic>
#include <fstream>
#include <string>

#include "ops/base/error.h"
#include "ops/cpu/thread_pool.h"
#include "support.h"

using namespace quantring;

namespace {

// A number from /proc/self/status, e.g. "Threads" or "VmRSS" (in KiB).
long status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key + ":", 0) == 0) return std::stol(line.substr(key.size() + 1));
  }
  return -1;
}

}  // namespace

TEST_CASE("a context refuses invalid thread counts") {
  CHECK_THROWS_AS(Context(0), Error);
  CHECK_THROWS_AS(Context(-3), Error);
  CHECK_THROWS_AS(Context(ThreadPool::max_threads + 1), Error);
  CHECK(Context(3).threads() == 3);
}

TEST_CASE("one thread starts no thread") {
  const long before = status("Threads");
  Context context(1);
  CHECK(status("Threads") == before);
  Context more(3);
  CHECK(status("Threads") == before + 2);
}

TEST_CASE("every block runs once for any number of threads") {
  for (const int threads : {1, 2, 3, 8}) {
    Context context(threads);
    for (const std::int64_t blocks : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(blocks));
      std::atomic<bool> bad_worker{false};
      context.pool().parallel_for(blocks, [&](std::int64_t block, int worker) {
        if (worker < 0 || worker >= threads) bad_worker = true;
        ++runs[static_cast<std::size_t>(block)];
      });
      for (const std::atomic<int>& count : runs) CHECK(count == 1);
      CHECK_FALSE(bad_worker);
    }
  }
}

TEST_CASE("no worker number is used twice at the same time, over many short jobs") {
  constexpr int threads = 4;
  Context context(threads);
  std::atomic<int> busy[threads] = {};
  std::atomic<int> clashes{0};
  std::int64_t total = 0;
  for (int job = 0; job < 2000; ++job) {
    std::atomic<std::int64_t> sum{0};
    const std::int64_t blocks = job % 9;
    context.pool().parallel_for(blocks, [&](std::int64_t block, int worker) {
      if (busy[worker].fetch_add(1) != 0) ++clashes;
      sum += block + 1;
      busy[worker].fetch_sub(1);
    });
    total += sum;
    REQUIRE(sum == blocks * (blocks + 1) / 2);
  }
  CHECK(total > 0);
  CHECK(clashes == 0);
}

TEST_CASE("a buffer is aligned and zeroed, and moves") {
  Context context;
  for (const std::size_t bytes : {1, 63, 64, 65, 100'000}) {
    Buffer buffer(context, bytes);
    CHECK(buffer.bytes() == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
    const auto* const start = static_cast<const unsigned char*>(buffer.data());
    CHECK(std::all_of(start, start + bytes, [](unsigned char byte) { return byte == 0; }));
    std::memset(buffer.data(), 0xff, bytes);
    const Buffer moved = std::move(buffer);
    CHECK(moved.data() == start);
  }
  CHECK(Buffer().data() == nullptr);
  CHECK(Buffer(context, 0).bytes() == 0);
}

#if !defined(__SANITIZE_THREAD__)  // its allocator accesses all of it
TEST_CASE("memory that is never accessed never becomes resident") {
  Context context;
  const long before = status("VmRSS");
  const Buffer buffer(context, std::size_t{256} << 20);
  static_cast<char*>(buffer.data())[123'456'789] = 1;
  CHECK(status("VmRSS") - before < 64 * 1024);
}
#endif
