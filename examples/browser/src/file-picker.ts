import { byId } from './dom.js';

/** Has files be added that are picked, or dropped anywhere on the page. */
export function setUpFilePicker(add: (files: File[]) => void): void {
  const input = byId('files', HTMLInputElement);
  byId('pick').addEventListener('click', () => {
    input.click();
  });
  input.addEventListener('change', () => {
    add([...(input.files ?? [])]);
    // So that the same file can be picked again after it was removed.
    input.value = '';
  });
  // Entering a child leaves its parent: what counts is how many are entered.
  let entered = 0;
  const show = () => {
    document.body.classList.toggle('is-dragging', entered > 0);
  };
  const carriesFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files');
  document.addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return;
    entered += 1;
    show();
  });
  document.addEventListener('dragleave', (event) => {
    if (!carriesFiles(event)) return;
    entered -= 1;
    show();
  });
  document.addEventListener('dragover', (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    entered = 0;
    show();
    add([...(event.dataTransfer?.files ?? [])]);
  });
}
