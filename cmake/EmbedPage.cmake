# Writes the page's files as C++ text, so that the program needs nothing beside it. Run at build
# time: cmake -DFOLDER=apps/camera/page -DOUTPUT=page_files.cpp -P EmbedPage.cmake
set(code "#include \"apps/camera/page_files.h\"\n\nnamespace quantring::apps {\n")
foreach(pair "page_index_html=index.html" "page_css=page.css" "page_js=page.js" "page_icon_svg=icon.svg")
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 file)
  file(READ ${FOLDER}/${file} content)
  # Not a comment's worth of trust: this would end the text early.
  string(FIND "${content}" ")~page~" found)
  if(NOT found EQUAL -1)
    message(FATAL_ERROR "${FOLDER}/${file} has ')~page~' in it")
  endif()
  string(APPEND code "\nconst std::string_view ${name} = R\"~page~(${content})~page~\";\n")
endforeach()
file(WRITE ${OUTPUT} "${code}\n}  // namespace quantring::apps\n")
