// Puts the contract into the package, from the repository that the package lies in.

import { cpSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const contract = join(here, "../../wit");
if (existsSync(join(contract, "choreo.wit"))) cpSync(contract, join(here, "wit"), { recursive: true });
