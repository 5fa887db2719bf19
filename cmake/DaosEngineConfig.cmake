# The engine for CMake projects: find_package(DaosEngine) with -DDaosEngine_DIR=<this folder>, or include() this
# file.
#
#   DAOS_ENGINE_LIB_DIR      where libdaos_engine.so and libdaos_engine.a are (default: this checkout's build)
#   DAOS_ENGINE_INCLUDE_DIR  where abt.h, daos_srv/ and their like are (default: include/ beside this folder)
#
# gives
#
#   DaosEngine::headers      the include path, for whatever is loaded by an engine
#   DaosEngine::shared       libdaos_engine.so, for programs of their own
#   DaosEngine::static       libdaos_engine.a linked whole, so that modules find its symbols in the program
#   daos_engine_add_module(<name> <source>...)
#                            lib<name>.so, a module that the engine loads by `-m <name>`

include_guard(GLOBAL)

set(DAOS_ENGINE_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/../include" CACHE PATH "the engine's C headers")
find_path(DAOS_ENGINE_LIB_DIR libdaos_engine.so
  PATHS "${CMAKE_CURRENT_LIST_DIR}/../target/release" "${CMAKE_CURRENT_LIST_DIR}/../target/debug"
  NO_DEFAULT_PATH
  DOC "the folder of libdaos_engine.so and libdaos_engine.a")

if(NOT EXISTS "${DAOS_ENGINE_LIB_DIR}/libdaos_engine.so")
  message(FATAL_ERROR "no libdaos_engine.so in DAOS_ENGINE_LIB_DIR='${DAOS_ENGINE_LIB_DIR}': "
                      "build it with `cargo build --release`")
endif()

add_library(DaosEngine::headers INTERFACE IMPORTED GLOBAL)
target_include_directories(DaosEngine::headers INTERFACE "${DAOS_ENGINE_INCLUDE_DIR}")

add_library(DaosEngine::shared SHARED IMPORTED GLOBAL)
set_target_properties(DaosEngine::shared PROPERTIES
  IMPORTED_LOCATION "${DAOS_ENGINE_LIB_DIR}/libdaos_engine.so")
target_link_libraries(DaosEngine::shared INTERFACE DaosEngine::headers)

add_library(DaosEngine::static INTERFACE IMPORTED GLOBAL)
target_link_libraries(DaosEngine::static INTERFACE DaosEngine::headers
  "-Wl,--whole-archive,${DAOS_ENGINE_LIB_DIR}/libdaos_engine.a,--no-whole-archive"
  gcc_s util rt pthread m dl)
target_link_options(DaosEngine::static INTERFACE -rdynamic)
set_property(TARGET DaosEngine::static PROPERTY INTERFACE_LINK_DEPENDS
  "${DAOS_ENGINE_LIB_DIR}/libdaos_engine.a")

# A module leaves the engine's symbols undefined: the engine that loads it has them, once.
function(daos_engine_add_module name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE DaosEngine::headers)
  set_target_properties(${name} PROPERTIES PREFIX lib)
endfunction()
