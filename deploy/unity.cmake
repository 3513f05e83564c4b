# Unity builds: a target's sources are compiled several to a unit, which takes less than half of the time.
# Sources that declare the same name outside of any header are put into units of their own, as the
# language asks for. What is looked for is what stands at a line's begin in an unnamed namespace.

# What a unit holds at most, in bytes of sources: enough to share the headers, and few enough that
# two cores end at about the same time.
set(TURNOUT_UNIT_BYTES 60000 CACHE STRING "Bytes of sources a unit of a unity build holds")

# To be given after a target's other warnings, where it is built so. To GCC, a file that is included is a
# header, whose types others see; what it has inlined there it takes for a read beyond the end where there
# is none; and what stands in another file is shadowed.
set(TURNOUT_UNITY_OPTIONS "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  foreach(warning subobject-linkage stringop-overread shadow)
    list(APPEND TURNOUT_UNITY_OPTIONS $<$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>:-Wno-${warning}>)
  endforeach()
endif()

# turnout_names_in(FILE NAMES): sets NAMES to `NAME` for each name that it alone may declare, and to
# `NAME=DECLARATION` for a using-declaration or an alias, which may stand in several if it is the same.
function(turnout_names_in file names)
  file(READ ${file} content)
  # What is a list's syntax to CMake.
  string(REGEX REPLACE "[][;\\\\]" "@" content "${content}")
  set(found "")
  while(TRUE)
    string(FIND "${content}" "\nnamespace {\n" begin)
    string(FIND "${content}" "\n}  // namespace\n" end)
    if(begin EQUAL -1 OR end LESS begin)
      break()
    endif()
    math(EXPR length "${end} - ${begin}")
    string(SUBSTRING "${content}" ${begin} ${length} declared)
    math(EXPR end "${end} + 2")
    string(SUBSTRING "${content}" ${end} -1 content)
    string(REGEX MATCHALL "\n[A-Za-z:][^\n]*" lines "${declared}")
    foreach(line IN LISTS lines)
      string(STRIP "${line}" line)
      if(line MATCHES "^using ([A-Za-z0-9_]+ =|[^=]*::([A-Za-z0-9_]+)@)")
        string(REGEX REPLACE "^(using )?([^=]*::)?([A-Za-z0-9_]+).*" "\\3" name "${CMAKE_MATCH_0}")
        string(MAKE_C_IDENTIFIER "${line}" declaration)
        list(APPEND found "${name}=${declaration}")
      elseif(line MATCHES "^(TEST|TEST_F|TEST_P|MATCHER|MATCHER_P|INSTANTIATE_TEST_SUITE_P|namespace|template|static_assert)[ <(]")
        continue()
      elseif(line MATCHES "^(struct|class|union|enum)( class)? ([A-Za-z0-9_]+)")
        list(APPEND found "${CMAKE_MATCH_3}")
      elseif(line MATCHES "^([^=({@]*[^A-Za-z0-9_=({@])?([A-Za-z0-9_]+) *[=({@]")
        list(APPEND found "${CMAKE_MATCH_2}")
      endif()
    endforeach()
  endwhile()
  list(REMOVE_DUPLICATES found)
  set(${names} "${found}" PARENT_SCOPE)
endfunction()

# turnout_fits(UNIT FITS): whether the unit has room for the file at hand, of `bytes` bytes and `names`,
# and none of its names. For turnout_unity, whose variables it reads.
function(turnout_fits unit fits)
  set(${fits} FALSE PARENT_SCOPE)
  math(EXPR sum "${bytes_${unit}} + ${bytes}")
  if(sum GREATER TURNOUT_UNIT_BYTES)
    return()
  endif()
  foreach(entry IN LISTS names)
    string(REGEX REPLACE "=.*" "" name "${entry}")
    if(DEFINED taken_${unit}_${name} AND NOT
       (entry MATCHES "=" AND entry STREQUAL "${taken_${unit}_${name}}"))
      return()
    endif()
  endforeach()
  set(${fits} TRUE PARENT_SCOPE)
endfunction()

# turnout_unity(TARGET): after all of its sources have been given. Each goes into the first unit that
# has room for it and none of its names.
function(turnout_unity target)
  if(NOT TURNOUT_UNITY)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  get_target_property(directory ${target} SOURCE_DIR)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  set(units 0)
  foreach(source IN LISTS sources)
    get_filename_component(path ${source} ABSOLUTE BASE_DIR ${directory})
    get_source_file_property(alone ${source} SKIP_UNITY_BUILD_INCLUSION)
    if(alone OR NOT path MATCHES "\\.cc$" OR NOT EXISTS ${path})
      continue()
    endif()
    file(SIZE ${path} bytes)
    turnout_names_in(${path} names)
    set(unit 0)
    while(unit LESS units)
      turnout_fits(${unit} fits)
      if(fits)
        break()
      endif()
      math(EXPR unit "${unit} + 1")
    endwhile()
    if(unit EQUAL units)
      math(EXPR units "${units} + 1")
      set(bytes_${unit} 0)
    endif()
    math(EXPR bytes_${unit} "${bytes_${unit}} + ${bytes}")
    foreach(entry IN LISTS names)
      string(REGEX REPLACE "=.*" "" name "${entry}")
      set(taken_${unit}_${name} "${entry}")
    endforeach()
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${target}_${unit})
  endforeach()
endfunction()

# What every event passes through is optimised a file at a time: GCC inlines less in a large unit, which
# cost the matcher 4 to 9 % more instructions an event (bench/instructions).
function(turnout_unity_where_unoptimised target)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    turnout_unity(${target})
  endif()
endfunction()
function(turnout_each_alone_where_optimised)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()
