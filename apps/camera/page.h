#pragma once
// The page (apps/camera/page/), embedded when the program is built.

#include <string>
#include <string_view>

namespace quantring::apps {

// One HTML document with its style and script inside.
const std::string& page_html();
std::string_view page_icon();  // SVG
// A policy that lets just this style and this script run, and the page talk to its server only.
const std::string& page_security_policy();

}  // namespace quantring::apps
