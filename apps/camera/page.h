#pragma once
// The page (apps/camera/page/), embedded at build time.

#include <string>
#include <string_view>

namespace quantring::apps {

// One HTML document with style and script.
const std::string& page_html();
std::string_view page_icon();  // SVG
// Content-Security-Policy: only this style and script, and only requests to the same server.
const std::string& page_security_policy();

}  // namespace quantring::apps
