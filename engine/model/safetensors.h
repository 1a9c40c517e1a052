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

#include "engine/model/file_reader.h"

namespace quantring {

// A tensor in the file. dtype is the format's own name ("F32", "F16", "BF16", "I64", "U8", ...).
struct StoredTensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0, bytes = 0;  // in the file
};

// A safetensors file whose tensors are read when they are asked for. Every offset, size and overlap
// is checked before use.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);  // throws Error

  const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  std::vector<std::byte> read(const StoredTensor& tensor) const {
    return file_.read(tensor.offset, tensor.bytes);
  }
  std::vector<std::byte> read(const std::string& name) const { return read(tensors_.at(name)); }
  const FileReader& file() const { return file_; }

 private:
  FileReader file_;
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Bytes of one element of a safetensors dtype; 0 for an unknown one.
std::size_t stored_dtype_bytes(const std::string& dtype);

std::string shape_text(const std::vector<std::int64_t>& shape);  // "[3, 224, 224]"

// Writes a safetensors file tensor by tensor: declare all, begin, write each in the order declared,
// commit. The file appears under its name only at commit; until then it has no name (O_TMPFILE), so
// that nothing is left even if the process is killed. On a file system without O_TMPFILE it is
// PATH.PID.part until then, which is removed unless the process is killed.
class SafetensorsWriter {
 public:
  // Throws Error if no file can be created there: the folder cannot be written, or something other
  // than a regular file has that name. A symbolic link is followed.
  explicit SafetensorsWriter(std::filesystem::path path);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  void declare(const std::string& name, const std::string& dtype, std::vector<std::int64_t> shape);
  void begin(const std::map<std::string, std::string>& metadata);
  void write(std::span<const std::byte> data);  // the next declared tensor, whole
  // Replaces begin's metadata, with the same encoded length: for hashes that are known only after
  // the tensors are written.
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
