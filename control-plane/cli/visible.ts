// What people, nodes and programs have written, such as comments and reasons, before a terminal sees it: it must never be
// able to move the cursor, clear the screen or look like something that the tool has said.

/** As table.ts colours what it prints; a control character in front of it that is no escape is none of these. */
const coloured = /\p{Cc}\[(?:2|22|31|32|33|39)m|[\p{Cc}--[\n\t]]/gv

/** Our colours, line ends and tabs stay; of other control characters the number is shown. */
export function visible(text: string): string {
  return text.replace(coloured, (found) => {
    if (found.length > 1 && found.startsWith('\x1b')) return found
    return `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}${found.slice(1)}`
  })
}

/** The same text as one line. */
export function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]\s*/g, ' ')
}
