#pragma once
// The first frame of a head with protocol version 1, recorded: a header of 56 bytes, then JSON.

#include <string>

namespace quantring::net {

inline std::string version1_hello() {
  constexpr unsigned char header[56] = {
      'Q', 'R', 'N', 'G', 1, 0, 1,  0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0,   0,
      0,   0,   0,   0,   0, 0, 0,  0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0,   0,
      0,   0,   0,   0,   0, 0, 97, 0, 0, 0, 0x9E, 0xC7, 0x66, 0x50, 0x58, 0x88, 0xE3, 0x0D};
  return std::string(reinterpret_cast<const char*>(header), sizeof header) +
         R"({"codecs":[1,2,3,4,5,6,7],"role":"head","session":"000000000000002a","stage":0,)"
         R"("version":"0.1.0"})";
}

// As a version-1 peer reads it: it waits for 56 bytes, then checks the magic, then the version.
inline bool version1_sees_mismatch(const std::string& bytes) {
  return bytes.size() >= 56 && bytes.starts_with("QRNG") && (bytes[4] != 1 || bytes[5] != 0);
}

}  // namespace quantring::net
