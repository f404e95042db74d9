/* Parts of the bundle are fetched until they have come whole. A page that somebody leaves has its fetches ended, and a
 * network is away for a moment: neither is a reason to end the portal, which is what a part that "fails" does. */
async function fetch(url) {
    for (let wait = 250; ; wait = Math.min(2 * wait, 8000)) {
        try {
            const answer = await globalThis.fetch(url);
            if (answer.ok) {
                return new Response(await answer.arrayBuffer(), { headers: { "content-type": "application/wasm" } });
            }
            if (answer.status === 404 && sessionStorage.getItem("left") !== import.meta.url) {
                // The server has a newer portal, whose parts have other addresses: the page finds them.
                sessionStorage.setItem("left", import.meta.url);
                globalThis.location.reload();
            }
        } catch {
            // Asked again below.
        }
        await new Promise((again) => setTimeout(again, wait));
    }
}

