/* Wine before its version 9 has no bcryptprimitives.dll, from which the Rust library takes chance: without it no Rust
   program starts there. This one hands the question on to what Wine has. For tests alone. */
#include <windows.h>

/* RtlGenRandom, as advapi32 exports it. */
BOOLEAN NTAPI SystemFunction036(PVOID room, ULONG size);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *room, SIZE_T size)
{
    while (size > 0) {
        ULONG part = size > 0x100000 ? 0x100000 : (ULONG)size;
        if (!SystemFunction036(room, part))
            return FALSE;
        room += part;
        size -= part;
    }
    return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE library, DWORD reason, LPVOID reserved)
{
    (void)library;
    (void)reason;
    (void)reserved;
    return TRUE;
}
