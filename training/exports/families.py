"""All families by name. The names are also the folders of the exports."""

from family import Family
from transformer_families import COGVIDEOX_10, COGVIDEOX_15, HUNYUAN, LATTE, LTX, MOCHI, WAN
from unets import ANIMATEDIFF, MODELSCOPE, SVD

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (SVD, ANIMATEDIFF, MODELSCOPE, HUNYUAN, COGVIDEOX_10, COGVIDEOX_15, LTX, WAN, MOCHI, LATTE)
}
