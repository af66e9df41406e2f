/** A question that the shop's logs answer. */
export interface Question {
  title: string;
  query: string;
}

/** The logs of examples/shop, by the names that they have in the questions. */
export interface Shop {
  logs: { name: string; file: File }[];
  questions: Question[];
}

/** Loads all of it, since there may be no network later. */
export async function loadShop(): Promise<Shop> {
  const folder = new URL('shop/', import.meta.url);
  const { logs, questions } = (await (await get(new URL('shop.json', folder))).json()) as {
    logs: Record<string, string>;
    questions: Question[];
  };
  const files = Object.entries(logs).map(async ([name, path]) => {
    const bytes = await (await get(new URL(path, folder))).blob();
    return { name, file: new File([bytes], path) };
  });
  return { logs: await Promise.all(files), questions };
}

async function get(url: URL): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return response;
}
