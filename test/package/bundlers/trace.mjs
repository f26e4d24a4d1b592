// Prints, as JSON, the files that `app.mjs` of the working directory needs: what Next's standalone output copies.
import { nodeFileTrace } from '@vercel/nft';

const { fileList } = await nodeFileTrace(['app.mjs']);
console.log(JSON.stringify([...fileList]));
