/** A thread that hashes as Postern does, without anything around it: posts how many hashes it made in `seconds`. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const end = performance.now() + workerData.seconds * 1000;
const start = performance.now();
let count = 0;
for (; performance.now() < end; count += 1) pbkdf2Sync(randomBytes(64), randomBytes(16), 220_000, 64, 'sha512');
parentPort.postMessage((count / (performance.now() - start)) * 1000);
