#pragma once
// What many clients read at their own pace: of each slot only the newest. A reader that is slow
// misses what came in between; nothing is queued for anybody, so memory does not depend on them.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace quantring::net {

// From any thread.
class HttpStream {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  explicit HttpStream(std::size_t slots) : slots_(slots) {}

  void publish(std::size_t slot, std::string bytes);
  void forget(std::size_t slot);  // a new reader does not begin with it
  std::size_t readers() const;

  // One that reads: begins with the newest of every slot.
  class Reader {
   public:
    // wake: there is something; called under the stream's lock, on the publisher's thread.
    Reader(std::shared_ptr<HttpStream> stream, std::function<void()> wake);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    Bytes take();  // the oldest of what is new; null: nothing is

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
