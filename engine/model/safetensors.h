#pragma once
// Reader and writer of the safetensors format: an 8-byte little-endian header length, a JSON header
// {name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}, then the raw tensor
// bytes.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/model/mapped_file.h"

namespace quantring {

// A tensor in the file. dtype is the format's own name ("F32", "F16", "BF16", "I64", "U8", ...).
struct StoredTensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;  // into the mapping; aligned only as the file aligns it
};

// Parsed view of safetensors bytes. Every offset, size and overlap is checked before use.
class Safetensors {
 public:
  // bytes must outlive this object; name is for error messages. Throws Error.
  Safetensors(std::span<const std::byte> bytes, const std::string& name);

  const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// A safetensors file, memory-mapped read-only.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path)
      : file_(path), parsed_(file_.bytes(), path.string()) {}
  const std::map<std::string, StoredTensor>& tensors() const { return parsed_.tensors(); }
  const std::map<std::string, std::string>& metadata() const { return parsed_.metadata(); }
  // Lets the system drop these pages from memory; they are read again if touched.
  void release(std::span<const std::byte> data) const { file_.release(data); }

 private:
  MappedFile file_;
  Safetensors parsed_;
};

// Bytes of one element of a safetensors dtype; 0 for an unknown one.
std::size_t stored_dtype_bytes(const std::string& dtype);

// Writes a safetensors file tensor by tensor: declare all, begin, write each in the order declared,
// commit. The file appears under its name only at commit; until then it has no name (O_TMPFILE), so
// that nothing is left even if the process is killed. Where the file system knows no nameless
// files, it is PATH.PID.part until then, removed unless the process is killed.
class SafetensorsWriter {
 public:
  // Throws Error at once when no file can be put there: not a folder that can be written to, or
  // something other than a plain file has that name. A link to a file stands for that file.
  explicit SafetensorsWriter(std::filesystem::path path);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  void declare(const std::string& name, const std::string& dtype, std::vector<std::int64_t> shape);
  void begin(const std::map<std::string, std::string>& metadata);
  void write(std::span<const std::byte> data);  // the next declared tensor, whole
  // Puts other metadata in the place of begin's, which must have been as long when encoded: for
  // hashes that are known only after the tensors.
  void replace_metadata(const std::map<std::string, std::string>& metadata);
  void commit();

 private:
  struct Declared {
    std::string name, dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t bytes;
  };
  std::string header(const std::map<std::string, std::string>& metadata) const;
  void open();
  void put(std::span<const std::byte> bytes);
  [[noreturn]] void fail() const;  // with errno's text

  std::filesystem::path path_, temporary_;  // temporary_: empty while the file has no name
  std::vector<Declared> declared_;
  std::size_t next_ = 0, header_bytes_ = 0;
  int descriptor_ = -1;
};

}  // namespace quantring
