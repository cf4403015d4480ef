# Read by ctest after it has the list of tests: those that wait for minutes are called Slow.
foreach(test IN LISTS e2e_tests_TESTS)
  if(test MATCHES "Slow")
    set_tests_properties("${test}" PROPERTIES LABELS slow)
  endif()
endforeach()
