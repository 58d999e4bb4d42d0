"""SoundFonts written byte by byte, for tests: nothing of noiseprobe's reader is used."""

import struct

import numpy as np


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def span(low, high):
    return low | high << 8


def font(path, presets, instruments, samples, smpl=None):
    """A file.

    Args:
        presets: (bank, program, zones); a zone is a list of (generator, amount).
        instruments: zones of each.
        samples: (start, end, loop, loop end, rate, key, correction, type), or arrays with rate and key.
        smpl: the sample chunk; None: that of the arrays.
    """

    def tables(groups):
        bags, gens, starts = b"", b"", []
        for zones in groups:
            starts.append(len(bags) // 4)
            for zone in zones:
                bags += struct.pack("<HH", len(gens) // 4, 0)
                gens += b"".join(struct.pack("<HH", n, a & 0xFFFF) for n, a in zone)
        return bags + struct.pack("<HH", len(gens) // 4, 0), gens + bytes(4), [*starts, len(bags) // 4]

    pbag, pgen, pstarts = tables([zones for _, _, zones in presets])
    ibag, igen, istarts = tables(instruments)
    heads = [*[(program, bank) for bank, program, _ in presets], (0, 0)]
    phdr = b"".join(struct.pack("<20sHHH12x", b"p", *h, s) for h, s in zip(heads, pstarts, strict=True))
    inst = b"".join(struct.pack("<20sH", b"i", s) for s in istarts)
    shdr, audio = b"", b""
    for s in samples:
        if smpl is None:
            array, rate, key, *rest = s
            at = len(audio) // 2
            loop, loop_end = rest or (0, 0)
            shdr += struct.pack(
                "<20sIIIIIBbHH", b"s", at, at + len(array), at + loop, at + loop_end, rate, key, 0, 0, 1
            )
            audio += np.asarray(array, "<i2").tobytes() + bytes(92)
        else:
            shdr += struct.pack("<20sIIIIIBbHH", b"s", *s[:6], s[6], 0, s[7])
    shdr += bytes(46)
    lists = [
        b"INFO" + chunk(b"ifil", struct.pack("<HH", 2, 1)),
        b"sdta" + chunk(b"smpl", audio if smpl is None else smpl),
        b"pdta" + b"".join(
            chunk(n, c) for n, c in [(b"phdr", phdr), (b"pbag", pbag), (b"pmod", bytes(10)), (b"pgen", pgen),
                                     (b"inst", inst), (b"ibag", ibag), (b"imod", bytes(10)), (b"igen", igen),
                                     (b"shdr", shdr)]
        ),
    ]  # fmt: skip
    path.write_bytes(chunk(b"RIFF", b"sfbk" + b"".join(chunk(b"LIST", c) for c in lists)))
    return path
