/** `import text from "./prompt.txt" with { type: "text" }` is the file's text. */
declare module "*.txt" {
  const text: string;
  export default text;
}
