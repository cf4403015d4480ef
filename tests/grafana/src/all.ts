// One process: making the schema is most of the work.

import './checks.test.js';
import './counts.test.js';
import './mutants.test.js';
