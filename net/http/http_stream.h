#pragma once
// Latest values for many readers at their own pace: each slot keeps only the newest. A slow reader
// misses what was published in between; nothing is queued, so memory does not depend on readers.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace quantring::net {

// Thread-safe.
class HttpStream {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  explicit HttpStream(std::size_t slots) : slots_(slots) {}

  void publish(std::size_t slot, std::string bytes);
  void forget(std::size_t slot);  // readers that come later do not get it
  std::size_t readers() const;

  // Begins with the newest of every slot.
  class Reader {
   public:
    // wake: something was published; called under the stream's lock, on the publisher's thread.
    Reader(std::shared_ptr<HttpStream> stream, std::function<void()> wake);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    Bytes take();  // the oldest that was not read yet; null: none

   private:
    std::shared_ptr<HttpStream> stream_;
    std::vector<std::uint64_t> seen_;  // of each slot
    std::uint64_t id_ = 0;
  };

 private:
  struct Slot {
    Bytes bytes;
    std::uint64_t number = 0;  // of the publication
  };
  mutable std::mutex mutex_;
  std::vector<Slot> slots_;
  std::uint64_t published_ = 0, readers_made_ = 0;
  std::map<std::uint64_t, std::function<void()>> readers_;
};

}  // namespace quantring::net
