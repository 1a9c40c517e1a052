#pragma once
// The files of apps/camera/page/ as they are; made by cmake/EmbedPage.cmake.

#include <string_view>

namespace quantring::apps {

extern const std::string_view page_index_html, page_css, page_js, page_icon_svg;

}  // namespace quantring::apps
