#pragma once
// A small XML parser: checks well-formedness and lists the elements.

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <vector>

namespace quantring::test {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // directly inside, entities decoded
  int depth = 0;     // of the root: 0
};

// All elements in document order. `wrong`: the first error, empty if well-formed.
class Xml {
 public:
  explicit Xml(const std::string& text) : rest_(text) { read(); }

  std::string wrong;
  std::vector<XmlElement> elements;

  std::vector<XmlElement> all(const std::string& name) const {
    std::vector<XmlElement> found;
    for (const XmlElement& element : elements)
      if (element.name == name) found.push_back(element);
    return found;
  }

 private:
  void read() {
    std::vector<std::size_t> open;
    while (wrong.empty() && !rest_.empty()) {
      const std::size_t tag = std::min(rest_.find('<'), rest_.size());
      const std::string text = characters(rest_.substr(0, tag));
      rest_.erase(0, tag);
      if (!open.empty()) {
        elements[open.back()].text += text;
      } else if (text.find_first_not_of(" \n") != std::string::npos) {
        wrong = "text outside the root";
      }
      if (rest_.empty()) break;
      const std::size_t end = rest_.find('>');
      if (end == std::string::npos) {
        wrong = "a tag does not end";
        break;
      }
      std::string inside = rest_.substr(1, end - 1);
      rest_.erase(0, end + 1);
      if (!inside.empty() && inside[0] == '/') {
        if (open.empty() || elements[open.back()].name != inside.substr(1)) {
          wrong = "</" + inside.substr(1) + "> closes nothing";
          break;
        }
        open.pop_back();
        continue;
      }
      const bool closed = !inside.empty() && inside.back() == '/';
      if (closed) inside.pop_back();
      if (open.empty() && !elements.empty()) wrong = "two roots";
      add(inside, static_cast<int>(open.size()));
      if (!closed) open.push_back(elements.size() - 1);
    }
    if (wrong.empty() && !open.empty())
      wrong = "<" + elements[open.back()].name + "> is not closed";
    if (wrong.empty() && elements.empty()) wrong = "no root";
  }

  void add(const std::string& tag, int depth) {
    XmlElement element;
    element.depth = depth;
    std::size_t at = 0;
    const auto word = [&] {
      const std::size_t begin = at;
      while (at < tag.size() && (std::isalnum(static_cast<unsigned char>(tag[at])) != 0 ||
                                 tag[at] == '-' || tag[at] == ':'))
        ++at;
      return tag.substr(begin, at - begin);
    };
    element.name = word();
    if (element.name.empty()) wrong = "a tag without a name";
    while (wrong.empty() && at < tag.size()) {
      while (at < tag.size() && std::isspace(static_cast<unsigned char>(tag[at])) != 0) ++at;
      if (at == tag.size()) break;
      const std::string name = word();
      const std::size_t quote = tag.find('"', at + 2);
      if (name.empty() || tag.compare(at, 2, "=\"") != 0 || quote == std::string::npos) {
        wrong = "an attribute of <" + element.name + ">";
        break;
      }
      if (!element.attributes.emplace(name, characters(tag.substr(at + 2, quote - at - 2))).second)
        wrong = name + " twice in <" + element.name + ">";
      at = quote + 1;
    }
    elements.push_back(std::move(element));
  }

  // Entities replaced; a control character or a lone & is wrong.
  std::string characters(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < 0x20 && c != '\n' && c != '\t') wrong = "a control character";
      if (c != '&') {
        result += text[i];
        continue;
      }
      const std::size_t end = text.find(';', i);
      const std::string name = end == std::string::npos ? "" : text.substr(i + 1, end - i - 1);
      if (name == "amp") {
        result += '&';
      } else if (name == "lt") {
        result += '<';
      } else if (name == "gt") {
        result += '>';
      } else {
        wrong = "an unknown entity or a lone &";
        break;
      }
      i = end;
    }
    return result;
  }

  std::string rest_;
};

}  // namespace quantring::test
