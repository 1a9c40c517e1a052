# Writes the page's files as C++ text, so that the program needs nothing beside it. Run at build
# time: cmake -DFOLDER=apps/camera/page -DOUTPUT=page_files.cpp -P EmbedPage.cmake
set(code "#include \"apps/camera/page_files.h\"\n\nnamespace quantring::apps {\n")

# embed(<name> <file>...): the files, one after the other, as one text.
function(embed name)
  set(content "")
  foreach(file ${ARGN})
    file(READ ${FOLDER}/${file} part)
    string(APPEND content "${part}")
  endforeach()
  string(FIND "${content}" ")~page~" found)
  if(NOT found EQUAL -1)
    message(FATAL_ERROR "${FOLDER}: ${ARGN}: ')~page~' would end the text early")
  endif()
  set(code "${code}\nconst std::string_view ${name} = R\"~page~(${content})~page~\";\n" PARENT_SCOPE)
endfunction()

embed(page_index_html index.html)
embed(page_css page.css)
embed(page_js format.js ring.js charts.js page.js)
embed(page_icon_svg icon.svg)
file(WRITE ${OUTPUT} "${code}\n}  // namespace quantring::apps\n")
