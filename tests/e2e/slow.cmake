# Read by ctest after it has the list of tests: those that wait for minutes are called Slow; those that
# hold single requests to a tenth of a second need a processor then.
foreach(test IN LISTS e2e_tests_TESTS)
  if(test MATCHES "Slow")
    set_tests_properties("${test}" PROPERTIES LABELS slow)
  endif()
  if(test MATCHES "Spacing")
    set_tests_properties("${test}" PROPERTIES RUN_SERIAL TRUE)
  endif()
endforeach()
