# The engine for CMake projects: find_package(DaosEngine), with -DDaosEngine_DIR=<this folder> if it is not below
# CMAKE_PREFIX_PATH, or include() this file. It works in a checkout and where `cargo xtask install` has put it.
#
#   DAOS_ENGINE_LIB_DIR      where libdaos_engine.so and libdaos_engine.a are
#   DAOS_ENGINE_INCLUDE_DIR  where abt.h, daos_srv/ and their like are
#
# gives
#
#   DaosEngine::headers      the include path, for whatever is loaded by an engine
#   DaosEngine::shared       libdaos_engine.so, for programs of their own
#   DaosEngine::static       libdaos_engine.a linked whole, so that modules find its symbols in the program
#   daos_engine_add_module(<name> <source>...)
#                            lib<name>.so, a module that the engine loads by `-m <name>`
#   daos_engine_replace(<target> <archive>)
#                            links an archive of some of the engine's C files (`cargo build --no-default-features
#                            --features drpc-handler,...`) whole into a program, which then leaves out the C objects

include_guard(GLOBAL)

find_path(DAOS_ENGINE_INCLUDE_DIR daos_srv/daos_engine.h
  PATHS "${CMAKE_CURRENT_LIST_DIR}/../include" "${CMAKE_CURRENT_LIST_DIR}/../../../include"
  NO_DEFAULT_PATH
  DOC "the engine's C headers")
find_path(DAOS_ENGINE_LIB_DIR libdaos_engine.so
  PATHS "${CMAKE_CURRENT_LIST_DIR}/../target/release" "${CMAKE_CURRENT_LIST_DIR}/../target/debug"
        "${CMAKE_CURRENT_LIST_DIR}/../../../lib64"
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
  IMPORTED_LOCATION "${DAOS_ENGINE_LIB_DIR}/libdaos_engine.so"
  IMPORTED_SONAME libdaos_engine.so.2)
target_link_libraries(DaosEngine::shared INTERFACE DaosEngine::headers)

# What the Rust in an archive needs of the system.
set(DAOS_ENGINE_STATIC_LIBRARIES gcc_s util rt pthread m dl)

add_library(DaosEngine::static INTERFACE IMPORTED GLOBAL)
target_link_libraries(DaosEngine::static INTERFACE DaosEngine::headers
  "-Wl,--whole-archive,${DAOS_ENGINE_LIB_DIR}/libdaos_engine.a,--no-whole-archive"
  ${DAOS_ENGINE_STATIC_LIBRARIES})
target_link_options(DaosEngine::static INTERFACE -rdynamic)
set_property(TARGET DaosEngine::static PROPERTY INTERFACE_LINK_DEPENDS
  "${DAOS_ENGINE_LIB_DIR}/libdaos_engine.a")

# A module leaves the engine's symbols undefined: the engine that loads it has them, once.
function(daos_engine_add_module name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE DaosEngine::headers)
  set_target_properties(${name} PROPERTIES PREFIX lib)
endfunction()

# One archive only: each brings Rust's standard library, and two of them would define it twice.
function(daos_engine_replace target archive)
  get_filename_component(archive "${archive}" ABSOLUTE)
  get_property(other TARGET ${target} PROPERTY DAOS_ENGINE_ARCHIVE)
  if(other)
    message(FATAL_ERROR "${target} has ${other} already: build one archive with the features of both")
  endif()
  set_property(TARGET ${target} PROPERTY DAOS_ENGINE_ARCHIVE "${archive}")
  target_link_libraries(${target} PRIVATE
    "-Wl,--whole-archive,${archive},--no-whole-archive" ${DAOS_ENGINE_STATIC_LIBRARIES})
  target_link_options(${target} PRIVATE -rdynamic)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${archive}")
endfunction()
