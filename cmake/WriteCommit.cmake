# Writes the commit of SOURCE_DIR to the source file OUTPUT, only if it has changed, so that a build without
# a new commit compiles and links nothing. Run at each build. Empty where there is no repository.
set(commit "")
find_program(GIT git)
if(GIT AND EXISTS "${SOURCE_DIR}/.git")
  execute_process(COMMAND ${GIT} describe --always --abbrev=10 --exclude * --dirty=.modified
    WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
set(text "namespace quantring {\nextern const char* const build_commit;\nconst char* const build_commit = \"${commit}\";\n}  // namespace quantring\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT text STREQUAL old)
  file(WRITE ${OUTPUT} "${text}")
endif()
