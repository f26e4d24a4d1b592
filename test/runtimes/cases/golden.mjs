// The golden segments of the format are written byte for byte, and read, by JavaScript and by the addon.
import { isRead, isWritten, WRITERS } from '../../golden/checks.mjs';

for (const kind of ['spsc', 'mpsc']) {
  for (const writers of WRITERS) {
    isWritten(kind, writers);
    isRead(kind, writers);
  }
}
