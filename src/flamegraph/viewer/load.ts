import { decodePageData, type PageData } from "../page-data.js";

/** Reads the data that the page carries. Rejects with a sentence when the browser or the file cannot. */
export async function loadPageData(element: Element): Promise<PageData> {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser is too old for this page: it needs Chrome 113, Firefox 113 or Safari 16.4.");
  }
  const packed = bytesOfBase64(element.textContent ?? "");
  // The text is as large as the file and nothing needs it any more.
  element.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return decodePageData(new Uint8Array(await new Response(stream).arrayBuffer()));
}

function bytesOfBase64(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
