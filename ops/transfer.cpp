#include "ops/transfer.h"

#include <stdexcept>

#include "ops/backend.h"

namespace quantring {

PinnedBuffer::PinnedBuffer(Context& context, std::size_t bytes) : bytes_(bytes) {
  data_ = std::unique_ptr<std::byte, Free>(
      static_cast<std::byte*>(context.backend().allocate_host(bytes)), Free{&context.backend()});
}

void PinnedBuffer::Free::operator()(std::byte* memory) const {
  backend->release_host(memory);
}

Event::Event(Context& context) {
  handle_ = std::unique_ptr<void, Free>(context.backend().make_event(), Free{&context.backend()});
}

void Event::wait() const {
  if (handle_ != nullptr) handle_.get_deleter().backend->wait(handle_.get());
}

void Event::Free::operator()(void* handle) const {
  backend->release_event(handle);
}

void copy_in(Context& context, const PinnedBuffer& source, std::size_t bytes, void* target) {
  if (bytes > source.bytes())
    throw std::invalid_argument("copy_in: more bytes than the source has");
  context.backend().copy_in(source.data(), bytes, target);
}

void copy_out(Context& context, const void* source, std::size_t bytes, PinnedBuffer& target,
              Event& arrived) {
  if (bytes > target.bytes())
    throw std::invalid_argument("copy_out: more bytes than the target has");
  context.backend().copy_out(source, bytes, target.data(), arrived.handle());
}

void upload(Context& context, std::span<const std::byte> source, void* target) {
  context.backend().upload(source.data(), source.size(), target);
}

void download(Context& context, const void* source, std::span<std::byte> target) {
  context.backend().download(source, target.size(), target.data());
}

}  // namespace quantring
