/** Files and search, one after the other with the same people: to make those costs as much as their tests. */
import "./files_tests.js";
import "./search_tests.js";
