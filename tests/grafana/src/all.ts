// One process: making the schema is most of the work.

import './checks.test.js';
import './mutants.test.js';
