#include "engine/image/formats/foreign_format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "ops/base/lower_case.h"

namespace quantring {
namespace {

using Bytes = std::span<const std::byte>;
using namespace std::string_view_literals;

constexpr const char* raw_remedy = "take the JPEG that the camera stores beside it, or develop it";
constexpr const char* video_remedy = "quantring camera x.mp4 classifies the frames of a video";

struct Format {
  std::size_t at;  // where the file has these bytes
  std::string_view bytes;
  const char* name;
  const char* remedy;  // or the ending of names: ImageMagick converts it
};

// The first that fits counts.
constexpr Format formats[] = {
    {0, "II*\0\x10\0\0\0CR"sv, "a camera's raw picture (CR2)", raw_remedy},
    {0, "II*\0"sv, "a TIFF picture", ".tif"},
    {0, "MM\0*"sv, "a TIFF picture", ".tif"},
    {0, "II+\0"sv, "a BigTIFF picture", ".tif"},
    {0, "MM\0+"sv, "a BigTIFF picture", ".tif"},
    {0, "IIRO"sv, "a camera's raw picture (ORF)", raw_remedy},
    {0, "IIU\0"sv, "a camera's raw picture (RW2)", raw_remedy},
    {0, "FUJIFILMCCD-RAW"sv, "a camera's raw picture (RAF)", raw_remedy},
    {0, "\xFF\x0A"sv, "a JPEG XL picture", "convert it with djxl x.jxl x.png"},
    {0, "\0\0\0\x0CJXL \r\n\x87\n"sv, "a JPEG XL picture", "convert it with djxl x.jxl x.png"},
    {0, "\0\0\0\x0CjP  \r\n\x87\n"sv, "a JPEG 2000 picture",
     "convert it with opj_decompress -i x.jp2 -o x.png"},
    {0, "\xFF\x4F\xFF\x51"sv, "a JPEG 2000 picture",
     "convert it with opj_decompress -i x.jp2 -o x.png"},
    {0, "\xFF\xF8\xFF"sv, "a JPEG-LS picture", ".jls"},
    {0, "8BPS"sv, "a Photoshop picture (PSD)", ".psd"},
    {0, "gimp xcf"sv, "a GIMP picture (XCF)", "export it as PNG"},
    {0, "v/1\x01"sv, "an OpenEXR picture", ".exr"},
    {0, "#?RADIANCE"sv, "a Radiance HDR picture", ".hdr"},
    {0, "\0\0\x01\0"sv, "an icon (ICO)", ".ico"},
    {0, "qoif"sv, "a QOI picture", ".qoi"},
    {0, "DDS "sv, "a DDS texture", ".dds"},
    {0, "%PDF-"sv, "a PDF document", "take its pictures out of it: pdfimages -png x.pdf x"},
    {0, "%!PS"sv, "a PostScript document", ".ps"},
    {128, "DICM"sv, "a DICOM picture", "convert it with dcmj2pnm --write-png x.dcm x.png"},
    {0, "SIMPLE  ="sv, "a FITS picture", ".fits"},
    {0, "\x1A\x45\xDF\xA3"sv, "a video (Matroska or WebM)", video_remedy},
    {8, "AVI "sv, "a video (AVI)", video_remedy},
    {0, "FLV\x01"sv, "a video (FLV)", video_remedy},
    {0, "\0\0\x01\xBA"sv, "a video (MPEG)", video_remedy},
    {0, "\0\x05\x16\x07"sv,
     "the other half of a file of a Mac (AppleDouble), which holds no pixels", "leave it out"},
    {0, "version https://git-lfs"sv, "a pointer of Git LFS and not the picture itself",
     "fetch it: git lfs pull"},
    {0, "PK\x03\x04"sv, "a ZIP archive", "unpack it"},
    {0, "Rar!"sv, "a RAR archive", "unpack it"},
    {0, "7z\xBC\xAF\x27\x1C"sv, "a 7z archive", "unpack it"},
    {0, "\x1F\x8B"sv, "a gzip file", "unpack it: gunzip x.gz"},
    {0,
     "\xFD"
     "7zXZ"sv,
     "an xz file", "unpack it: unxz x.xz"},
    {0, "\x28\xB5\x2F\xFD"sv, "a zstd file", "unpack it: unzstd x.zst"},
    {257, "ustar"sv, "a tar archive", "unpack it: tar -xf x.tar"},
    {0, "\x93NUMPY"sv, "a NumPy array",
     "write it as a picture: PIL.Image.fromarray(a).save(\"x.png\")"},
    {0,
     "\x7F"
     "ELF"sv,
     "a program", ""},
};

bool has_at(Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char expected, std::byte found) {
                      return std::byte(static_cast<unsigned char>(expected)) == found;
                    });
}

std::string sentence(std::string_view name, std::string_view remedy) {
  if (remedy.empty()) return std::string(name);
  if (remedy.front() != '.') return fmt::format("{}: {}", name, remedy);
  return fmt::format("{}: convert it with ImageMagick: convert x{} x.png", name, remedy);
}

// The family of MP4: a box "ftyp" with the file's brand and those that it is compatible with.
std::string iso_media(Bytes file) {
  if (!has_at(file, 4, "ftyp")) return {};
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size = size << 8 | std::to_integer<std::size_t>(file[i]);
  size = std::min(size, file.size());
  const auto is_brand = [&](std::string_view brand) {
    for (std::size_t at = 8; at + 4 <= size; at += at == 8 ? 8 : 4)  // between: a version
      if (has_at(file, at, brand)) return true;
    return false;
  };
  if (is_brand("avif") || is_brand("avis"))
    return sentence("an AVIF picture", "convert it with avifdec x.avif x.png");
  for (const char* const brand : {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"})
    if (is_brand(brand))
      return sentence("a HEIC picture, as iPhones take them",
                      "convert it with heif-convert x.heic x.jpg");
  if (is_brand("crx ")) return sentence("a camera's raw picture (CR3)", raw_remedy);
  return sentence("a video (MP4 or QuickTime)", video_remedy);
}

std::string first_line(std::string_view text) {
  constexpr std::size_t shown = 40;
  std::string line(text.substr(0, text.find_first_of("\r\n")));
  if (line.size() > shown) {
    line.resize(shown);
    line += "...";
  }
  return line;
}

// Text: a page, a drawing, anything else with letters only.
std::string text_format(Bytes file) {
  constexpr std::size_t looked_at = 1024;
  const Bytes start = file.first(std::min(file.size(), looked_at));
  std::string text(reinterpret_cast<const char*>(start.data()), start.size());
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  // UTF-16 is text too; control characters are in no text.
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || (c >= '\t' && c <= '\r');
  });
  if (text.empty() || !printable) return {};
  const std::string lower = lower_case(text);
  const auto has = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
  if (lower.starts_with("<!doctype html") || has("<html") || has("<head") || has("<body"))
    return sentence("a web page (HTML), perhaps of an error or a login, saved as the picture",
                    "download the picture itself");
  if (has("<svg")) return sentence("an SVG drawing", "convert it with rsvg-convert x.svg -o x.png");
  if (text.size() > 2 && text[0] == 'P' && text[1] >= '1' && text[1] <= '7' &&
      std::isspace(static_cast<unsigned char>(text[2])) != 0)
    return sentence(fmt::format("a PNM of the kind P{}", text[1]), ".pnm");
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
  return ascii ? fmt::format("a text file that begins with \"{}\"", first_line(text))
               : "a text file";
}

}  // namespace

std::string foreign_format(Bytes file) {
  if (file.empty()) return "an empty file: copying or downloading it has failed";
  for (const Format& format : formats)
    if (has_at(file, format.at, format.bytes)) return sentence(format.name, format.remedy);
  if (std::string name = iso_media(file); !name.empty()) return name;
  if (std::all_of(file.begin(), file.end(), [](std::byte b) { return b == std::byte{0}; }))
    return "a file of zeros: copying or downloading it has failed";
  return text_format(file);
}

}  // namespace quantring
